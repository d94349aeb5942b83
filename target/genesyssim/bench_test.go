package genesyssim_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/target/genesyssim"
)

func BenchmarkStart(b *testing.B) {
	for _, n := range []int{5_000, 100_000} {
		b.Run(fmt.Sprintf("people=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := genesyssim.New(genesyssim.Config{Users: genesyssim.Users{Count: n}}, genesyssim.Options{Now: time.Now}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "people/s")
		})
	}
}

// BenchmarkRequests is the rate of each kind of request with limits off, on
// one core, without sockets.
func BenchmarkRequests(b *testing.B) {
	const n = 5000
	s, err := genesyssim.New(genesyssim.Config{
		Users: genesyssim.Users{Count: n}, Switches: genesyssim.Switches{"rate": "off"},
	}, genesyssim.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	token := ""
	send := func(method, path, body string) string {
		r, err := http.NewRequestWithContext(b.Context(), method, "http://sim.example"+path, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		if strings.HasPrefix(path, "/oauth") {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", basic("demo", "demo-secret"))
		}
		resp, err := s.Transport().RoundTrip(r)
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= http.StatusBadRequest {
			b.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
		}
		return string(text)
	}
	token = strings.Split(strings.SplitAfter(send("POST", "/oauth/token", "grant_type=client_credentials"), `"access_token":"`)[1], `"`)[0]
	const base = "/api/v2/scim/v2"
	id := func(list string) string {
		page := send("GET", base+list, "")
		return strings.Split(strings.SplitAfter(page, `"id":"`)[1], `"`)[0]
	}
	ada, group := id("/users?count=1&attributes=id"), id("/groups?count=1&attributes=id")
	for name, do := range map[string]func(i int){
		"page of 25":  func(i int) { send("GET", fmt.Sprintf("%s/users?startIndex=%d", base, 1+i*25%n), "") },
		"page of 500": func(i int) { send("GET", fmt.Sprintf("%s/users?count=500&startIndex=%d", base, 1+i*500%n), "") },
		"read":        func(int) { send("GET", base+"/users/"+ada, "") },
		"patch": func(i int) {
			send("PATCH", base+"/users/"+ada, fmt.Sprintf(`{"Operations":[{"op":"replace","path":"title","value":"T%d"}]}`, i))
		},
		"member": func(i int) {
			send("PATCH", base+"/groups/"+group+"?excludedAttributes=members", `{"Operations":[{"op":"`+[]string{"add", "remove"}[i%2]+`","path":"members","value":[{"value":"`+ada+`"}]}]}`)
		},
		"create": func(i int) {
			send("POST", base+"/users", fmt.Sprintf(`{"userName":"n%d.%d@example.com","displayName":"N"}`, b.N, i))
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				do(i)
				i++
			}
			b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
