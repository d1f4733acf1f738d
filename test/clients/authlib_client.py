"""Debian's Authlib as a client: one line of JSON with what it was told; the question is in the arguments."""
import json
import sys

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

issuer, client, method, secret = sys.argv[1:5]
if method == 'private_key_jwt':
    with open(secret, 'rb') as file:
        secret = file.read()
    session = OAuth2Session(client, secret, token_endpoint_auth_method='private_key_jwt',
                            revocation_endpoint_auth_method='private_key_jwt', scope='read')
    # The audience of an assertion is the issuer (RFC 10070); Authlib would take the URL of the endpoint.
    session.register_client_auth_method(PrivateKeyJWT(issuer, alg='ES256'))
else:
    session = OAuth2Session(client, secret, token_endpoint_auth_method=method,
                            revocation_endpoint_auth_method=method, scope='read')
try:
    token = session.fetch_token(f'{issuer}/token', grant_type='client_credentials')
    before = session.introspect_token(f'{issuer}/introspect', token=token['access_token']).json()
    revoked = session.revoke_token(f'{issuer}/revoke', token=token['access_token'])
    after = session.introspect_token(f'{issuer}/introspect', token=token['access_token']).json()
    print(json.dumps({'type': token['token_type'], 'before': before['active'], 'client': before['client_id'],
                      'revoked': revoked.status_code, 'after': after['active']}))
except Exception as error:
    print(json.dumps({'error': getattr(error, 'error', str(error))}))
