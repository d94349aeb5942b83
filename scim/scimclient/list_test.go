package scimclient_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/scim/scimclient"
)

// A roll is a list of ids served in pages of at most max rows.
type roll struct {
	ids    []string
	max    int
	total  func() int // nil: how many there are
	before func(start, count int)

	asked []string // start/count of every request
}

func (l *roll) RoundTrip(r *http.Request) (*http.Response, error) {
	start, _ := strconv.Atoi(r.URL.Query().Get("startIndex"))
	count, _ := strconv.Atoi(r.URL.Query().Get("count"))
	l.asked = append(l.asked, fmt.Sprint(start, "/", count))
	if l.before != nil {
		l.before(start, count)
	}
	from := min(start-1, len(l.ids))
	to := min(from+count, len(l.ids), from+l.max)
	var rows []string
	for _, id := range l.ids[from:to] {
		rows = append(rows, `{"id": "`+id+`", "displayName": "a \"]} [{ b\\"}`)
	}
	total := len(l.ids)
	if l.total != nil {
		total = l.total()
	}
	return answer(200, fmt.Sprintf(`{"schemas":["x"],"totalResults":%d,"itemsPerPage":%d,"Resources":[%s]}`, total, len(rows), strings.Join(rows, " , ")))
}

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("u", i)
	}
	return out
}

func read(t *testing.T, s http.RoundTripper, size *scimclient.Size) ([]string, scimclient.Listed, error) {
	t.Helper()
	var got []string
	l, err := newClient(s).List(t.Context(), "/users", url.Values{"attributes": {"id"}}, size, func(row []byte) (bool, error) {
		r, err := scim.ParseResource(scim.User, row)
		if err != nil {
			return false, err
		}
		if slices.Contains(got, r.ID) {
			return false, nil
		}
		got = append(got, r.ID)
		return true, nil
	})
	return got, l, err
}

func TestPagesFollowWhatArrived(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		have, count, max int
		asked            string
	}{
		"an empty list is one request":                       {0, 10, 10, "1/10"},
		"a short page is the last":                           {3, 10, 10, "1/10"},
		"the last page is known by the total":                {25, 10, 10, "1/10 11/10 21/10"},
		"so is one that is full":                             {20, 10, 10, "1/10 11/10"},
		"a service with smaller pages sets the pace":         {25, 10, 7, "1/10 8/10 15/10 22/10"},
		"a full first page that is all might be a page only": {10, 10, 10, "1/10 11/10"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &roll{ids: ids(tt.have), max: tt.max}
			got, listed, err := read(t, l, scimclient.NewSize(tt.count, tt.count))
			if err != nil || len(got) != tt.have || listed.Fresh != tt.have || listed.After != tt.have {
				t.Errorf("List: %d rows, %+v, %v; want %d", len(got), listed, err, tt.have)
			}
			if asked := strings.Join(l.asked, " "); asked != tt.asked {
				t.Errorf("asked for %s, want %s", asked, tt.asked)
			}
		})
	}
}

func TestAListEndsOnAPageWhoseRowsWereAllSeen(t *testing.T) {
	t.Parallel()
	l := &roll{ids: ids(10), max: 10, total: func() int { return 1000 }}
	l.before = func(start, _ int) {
		if start > 1 {
			l.ids = append(ids(10), ids(10)...) // the last page again and again
		}
	}
	got, listed, err := read(t, l, scimclient.NewSize(10, 10))
	if err != nil || len(got) != 10 || listed.After != 1000 || len(l.asked) != 2 {
		t.Errorf("List: %d rows in %d pages, %+v, %v; want 10 in 2, and a total of 1000", len(got), len(l.asked), listed, err)
	}
}

func TestAListTellsThatItsTotalMoved(t *testing.T) {
	t.Parallel()
	l := &roll{ids: ids(30), max: 10}
	l.before = func(start, _ int) {
		if start == 11 {
			l.ids = append([]string{"new"}, l.ids...)
		}
	}
	got, listed, err := read(t, l, scimclient.NewSize(10, 10))
	if err != nil || listed.Before != 30 || listed.After != 31 || len(got) != 30 {
		t.Errorf("List: %d rows, %+v, %v; want 30 of 31, and 30 at first", len(got), listed, err)
	}
}

func TestABrokenPageIsReadAgainAndNoneOfItIsSeenTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &roll{ids: ids(30), max: 10}
		n := 0
		cut := serviceFunc(func(r *http.Request) (*http.Response, error) {
			resp, err := l.RoundTrip(r)
			if n++; n == 2 {
				return answer(200, `{"totalResults":30,"Resources":[{"id":"u10"},{"id":"u1`)
			}
			return resp, err
		})
		got, _, err := read(t, cut, scimclient.NewSize(10, 10))
		if err != nil || !slices.Equal(got, ids(30)) {
			t.Errorf("List: %v, %v; want each of 30 once, in order", got, err)
		}
	})
}

func TestAListThatEndsWithAnErrorSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &roll{ids: ids(30), max: 10}
		s := serviceFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("startIndex") == "21" {
				return answer(500, ``)
			}
			return l.RoundTrip(r)
		})
		if got, _, err := read(t, s, scimclient.NewSize(10, 10)); fault.Of(err) != fault.Unavailable || len(got) != 20 {
			t.Errorf("List: %d rows, %v; want 20 and Unavailable", len(got), err)
		}
		boom := errors.New("enough")
		_, err := newClient(l).List(t.Context(), "/users", nil, scimclient.NewSize(10, 10), func([]byte) (bool, error) { return false, boom })
		if !errors.Is(err, boom) {
			t.Errorf("List: %v, want the visitor's error", err)
		}
	})
}

func TestAHeavyPageMakesThePageSmallerAndIsTriedAgainLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &roll{ids: ids(2000), max: 1000}
		refused := 0
		s := serviceFunc(func(r *http.Request) (*http.Response, error) {
			if count, _ := strconv.Atoi(r.URL.Query().Get("count")); count > 25 && r.URL.Query().Get("startIndex") < "9" {
				refused++
				return answer(429, `{"code":"too.many.requests"}`, "Retry-After", "1")
			}
			return l.RoundTrip(r)
		})
		size := scimclient.NewSize(100, 100)
		began := time.Now()
		got, _, err := read(t, s, size)
		if err != nil || len(got) != 2000 {
			t.Fatalf("List: %d rows, %v", len(got), err)
		}
		if size.Count() != 25 && size.Count() != 50 {
			t.Errorf("the page has %d rows in the end, want 25, or 50 on trial", size.Count())
		}
		if refused < 3 || refused > 6 {
			t.Errorf("%d pages were refused; want 2 to learn, and a few trials", refused)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("reading took %v: a heavy page is not cured by waiting", took)
		}
	})
}

func TestAPageOfOneRowCannotBeSmaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		size := scimclient.NewSize(8, 8)
		service, sent := script(always(429, ``))
		if _, _, err := read(t, service, size); fault.Of(err) != fault.Throttled || *sent != 4 {
			t.Errorf("List: %v after %d requests, want Throttled after 4 (8, 4, 2, 1)", err, *sent)
		}
	})
}

func TestAPageThatIsTooLargeToSendIsMadeSmaller(t *testing.T) {
	t.Parallel()
	l := &roll{ids: ids(40), max: 100}
	s := serviceFunc(func(r *http.Request) (*http.Response, error) {
		if count, _ := strconv.Atoi(r.URL.Query().Get("count")); count > 30 {
			return answer(400, `{"code":"response.entity.too.large","message":"x","status":400}`)
		}
		return l.RoundTrip(r)
	})
	if got, _, err := read(t, s, scimclient.NewSize(100, 100)); err != nil || len(got) != 40 {
		t.Errorf("List: %d rows, %v; want 40", len(got), err)
	}
}

func TestNamesOfAListAreReadInAnyCase(t *testing.T) {
	t.Parallel()
	got, l, err := read(t, always(200, ` { "resources" : [ {"id":"a"} ] , "TOTALRESULTS" : 1.0 } `), scimclient.NewSize(10, 10))
	if err != nil || !slices.Equal(got, []string{"a"}) || l.After != 1 {
		t.Errorf("List: %v, %+v, %v", got, l, err)
	}
}

func FuzzAnyPageIsReadOrRefused(f *testing.F) {
	for _, s := range []string{`{"Resources":[{"id":"a"},{"id":"b"}],"totalResults":2}`, `{"Resources":[`, `{"a":"\"","Resources":[1,"]",{}]}`, `[]`, `{`, `{"Resources":[{"id":"a"}]}x`, `{"Resources":[,]}`, `{"Resources"::[]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		rows := 0
		c := newClient(serviceFunc(func(*http.Request) (*http.Response, error) { return answer(200, string(body)) }),
			func(o *scimclient.Options) { o.Backoff.Attempts = 1 })
		_, err := c.List(t.Context(), "/users", nil, scimclient.NewSize(3, 3), func(row []byte) (bool, error) {
			if len(row) == 0 {
				t.Errorf("an empty row of %q", body)
			}
			rows++
			return false, nil
		})
		if err == nil && rows > 0 && !strings.Contains(strings.ToLower(string(body)), "esource") && !strings.Contains(string(body), `\`) {
			t.Errorf("%d rows of %q", rows, body)
		}
	})
}
