"""PyJWT with its own JWKS client: reads a token a line, answers a line."""
import sys

import jwt

url, issuer, audience = sys.argv[1:4]
client = jwt.PyJWKClient(url)

for line in sys.stdin:
    token = line.strip()
    try:
        key = client.get_signing_key_from_jwt(token)
        jwt.decode(token, key.key, algorithms=["RS256", "ES256", "EdDSA"], audience=audience, issuer=issuer)
        print("accepted", flush=True)
    except Exception as error:
        print(f"refused {type(error).__name__}: {error}".replace("\n", " "), flush=True)
