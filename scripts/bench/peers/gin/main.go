// gin with golang-jwt, as Debian packages them.
package main

import (
	"encoding/json"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt"
)

func main() {
	text, err := os.ReadFile(os.Getenv("KEY"))
	if err != nil {
		panic(err)
	}
	jwk := privateJWK{}
	if err := json.Unmarshal(text, &jwk); err != nil {
		panic(err)
	}
	jwk.Use = "sig"
	set, _ := json.Marshal(gin.H{"keys": []publicJWK{jwk.publicJWK}})
	method, key := jwt.GetSigningMethod(jwk.Alg), jwk.signer()
	address := "127.0.0.1:" + os.Getenv("PORT")
	jwt.MarshalSingleStringAsArray = false

	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery())
	router.GET("/jwks.json", func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=300")
		c.Data(http.StatusOK, "application/json", set)
	})
	router.POST("/token", func(c *gin.Context) {
		var ask struct {
			Sub string `json:"sub" binding:"required"`
		}
		if err := c.ShouldBindJSON(&ask); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		token, err := mint(method, key, jwk.Kid, "http://"+address, ask.Sub)
		if err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		c.Header("Cache-Control", "no-store")
		c.JSON(http.StatusOK, gin.H{"token": token, "expires_in": int(lifetime.Seconds())})
	})
	server := &http.Server{Addr: address, Handler: router, ReadHeaderTimeout: 5 * time.Second}
	panic(server.ListenAndServe())
}
