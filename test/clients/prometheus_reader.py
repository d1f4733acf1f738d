"""Debian's client library of Prometheus as a reader: the metrics of standard input as one line of JSON."""
import json
import sys

from prometheus_client.parser import text_string_to_metric_families

families = {family.name: {'type': family.type, 'samples': [[sample.labels, sample.value] for sample in family.samples]}
            for family in text_string_to_metric_families(sys.stdin.read())}
print(json.dumps(families))
