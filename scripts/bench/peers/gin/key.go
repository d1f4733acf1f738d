package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
)

type publicJWK struct {
	Kty string `json:"kty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
}

type privateJWK struct {
	publicJWK
	D string `json:"d"`
	P string `json:"p"`
	Q string `json:"q"`
}

func octets(text string) []byte {
	bytes, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return bytes
}

func number(text string) *big.Int { return new(big.Int).SetBytes(octets(text)) }

// signer makes of a private JWK what golang-jwt, which reads no JWK, signs with.
func (jwk privateJWK) signer() crypto.Signer {
	switch jwk.Kty {
	case "RSA":
		public := rsa.PublicKey{N: number(jwk.N), E: int(number(jwk.E).Int64())}
		key := &rsa.PrivateKey{PublicKey: public, D: number(jwk.D), Primes: []*big.Int{number(jwk.P), number(jwk.Q)}}
		key.Precompute()
		return key
	case "EC":
		public := ecdsa.PublicKey{Curve: elliptic.P256(), X: number(jwk.X), Y: number(jwk.Y)}
		return &ecdsa.PrivateKey{PublicKey: public, D: number(jwk.D)}
	default:
		return ed25519.NewKeyFromSeed(octets(jwk.D))
	}
}
