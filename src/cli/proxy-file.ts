/** The paths that are for the world: not /auth, /healthz or /readyz. */
const PATHS = ['= /jwks.json', '/.well-known/', '= /token', '= /introspect', '= /revoke']

/**
 * A server block of nginx with TLS in front of a server; `name` is the host of the issuer, `server` the host and port
 * that it listens on.
 */
export function nginxText(name: string, server: string): string {
  const width = Math.max(...PATHS.map(({ length }) => length))
  const locations = PATHS.map((path) => `    location ${path.padEnd(width)} { proxy_pass http://${server}; }`)
  return `server {
    listen 443 ssl;
    server_name ${name};
    ssl_certificate     /etc/ssl/${name}/fullchain.pem;
    ssl_certificate_key /etc/ssl/${name}/privkey.pem;
    ssl_protocols       TLSv1.2 TLSv1.3;

    # Only these are for the world: not /auth, /healthz or /readyz.
${locations.join('\n')}

    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Connection "";
    # The server believes it with --trusted-proxies 127.0.0.1.
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    client_max_body_size 16k;
}
`
}
