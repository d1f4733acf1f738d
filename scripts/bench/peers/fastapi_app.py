"""FastAPI with PyJWT, run by uvicorn."""
import json
import os
import time
import uuid

import jwt
from fastapi import FastAPI, Response
from pydantic import BaseModel

LIFETIME = 900
ISSUER = f"http://127.0.0.1:{os.environ['PORT']}"

with open(os.environ["KEY"], encoding="utf-8") as file:
    jwk = json.load(file)
key = jwt.PyJWK(jwk, jwk["alg"]).key

# PyJWT 2.6 writes no JWK of an EC key: the public members are picked by name.
public = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e", "kid", "alg") if name in jwk}
key_set = json.dumps({"keys": [{**public, "use": "sig"}]}, separators=(",", ":")).encode()

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


class Ask(BaseModel):
    sub: str


@app.get("/jwks.json")
async def jwks():
    return Response(key_set, media_type="application/json", headers={"cache-control": "public, max-age=300"})


# Not in a thread: to sign takes about as long as to hand it over, and one core serves it all.
@app.post("/token")
async def token(ask: Ask, response: Response):
    now = int(time.time())
    claims = {
        "iss": ISSUER, "sub": ask.sub, "aud": "api", "iat": now, "nbf": now, "exp": now + LIFETIME,
        "jti": str(uuid.uuid4()),
    }
    response.headers["cache-control"] = "no-store"
    return {"token": jwt.encode(claims, key, jwk["alg"], {"kid": jwk["kid"]}), "expires_in": LIFETIME}
