package genesys_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"rollcall/scim"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

// BenchmarkPage reads a listing whose pages lie in memory: only reading and
// decoding is measured.
func BenchmarkPage(b *testing.B) {
	sim, err := genesyssim.New(genesyssim.Config{Seed: 7, Users: genesyssim.Users{Count: 5000}, Switches: genesyssim.Switches{"rate": "off"}}, genesyssim.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	pages := map[string][]byte{}
	read := 0
	replay := tripFunc(func(r *http.Request) (*http.Response, error) {
		if page, ok := pages[r.URL.RawQuery]; ok {
			read += len(page)
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(page)), ContentLength: int64(len(page))}, nil
		}
		resp, err := sim.Transport().RoundTrip(r)
		if err == nil && r.URL.Path != "/oauth/token" {
			page, _ := io.ReadAll(resp.Body)
			pages[r.URL.RawQuery] = page
			resp.Body = io.NopCloser(bytes.NewReader(page))
		}
		return resp, err
	})
	for name, shape := range map[string]*scim.Shape{
		"profile": scim.NewShape("userName", "displayName", "active", "title", enterprise+"department", enterprise+"manager.value", `phoneNumbers[type eq "work"].value`),
		"all":     scim.NewShape("userName", "displayName", "active", "title", enterprise+"department", enterprise+"manager.value", `phoneNumbers[type eq "work"].value`, "externalId", "roles", extension+"routingSkills"),
	} {
		b.Run(name, func(b *testing.B) {
			c, err := genesys.New(genesys.Options{API: "http://sim", ClientID: "demo", ClientSecret: "demo-secret", Transport: replay, Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			users := 0
			for b.Loop() {
				read = 0
				for _, err := range c.Read(b.Context(), target.Query{Ask: target.Page, Type: scim.User}, shape) {
					if err != nil {
						b.Fatal(err)
					}
					users++
				}
			}
			b.SetBytes(int64(read))
			b.ReportMetric(float64(users)/b.Elapsed().Seconds(), "people/s")
		})
	}
}
