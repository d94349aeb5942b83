package scimclient

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/fault"
	"rollcall/target"
)

// An envelope is what the body of a refusal says. Two kinds are in use on the
// same paths and are told apart by content (dossier §3.4); anything else, such
// as the page of a proxy, is neither.
type envelope struct {
	scimType, detail string   // SCIM (RFC 7644 §3.12)
	code, message    string   // the platform's own
	params           []string // values of messageParams
	limit            string   // key of the limit that was exceeded
	foreign          string   // the media type of a body that is neither
}

func readEnvelope(h http.Header, body []byte) envelope {
	var b struct {
		ScimType      string         `json:"scimType"`
		Detail        string         `json:"detail"`
		Code          string         `json:"code"`
		Message       string         `json:"message"`
		MessageParams map[string]any `json:"messageParams"`
		Limit         struct {
			Key string `json:"key"`
		} `json:"limit"`
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return envelope{}
	}
	if err := json.Unmarshal(body, &b); err != nil && b.Message == "" && b.Detail == "" {
		media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
		if media == "" {
			media = "unknown type"
		}
		return envelope{foreign: media}
	}
	e := envelope{scimType: b.ScimType, detail: b.Detail, code: b.Code, message: b.Message, limit: b.Limit.Key}
	for _, p := range b.MessageParams {
		if s, ok := p.(string); ok {
			e.params = append(e.params, s)
		}
	}
	return e
}

// BeforeAPI begins the detail of a refusal whose body is in no form of the API's.
const BeforeAPI = "answered by something before the API"

func (e envelope) said() string {
	switch {
	case e.foreign != "":
		return BeforeAPI + ": a body of " + e.foreign
	case e.detail != "":
		return e.detail
	}
	return e.message
}

func (e envelope) word() string {
	if e.scimType != "" {
		return e.scimType
	}
	return e.code
}

var (
	staleText = regexp.MustCompile(`(?i)version\b.*\b(not|n't) match|(not|n't) match.*\bversion`)
	takenText = regexp.MustCompile(`(?i)\b(in use|already (exists|used|taken|assigned)|unique(ness)?|duplicate)\b`)
)

// classify says what a refusal means. A version conflict has three statuses
// and two envelopes, and shares one of them with a taken name (dossier §4.2, §15.1).
func classify(method string, status int, e envelope) fault.Kind {
	switch said := e.detail + e.message; {
	case e.scimType == "uniqueness":
		return fault.Taken
	case e.scimType == "invalidVers", status == http.StatusPreconditionFailed:
		return fault.Stale
	case status == http.StatusBadRequest && staleText.MatchString(said):
		return fault.Stale
	case status == http.StatusConflict && (method == http.MethodPost || takenText.MatchString(said) && !staleText.MatchString(said)):
		return fault.Taken
	case status == http.StatusConflict:
		return fault.Stale
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.Denied
	case http.StatusNotFound, http.StatusGone:
		return fault.Missing
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return fault.Unsupported
	case http.StatusTooManyRequests:
		return fault.Throttled
	case http.StatusRequestTimeout:
		return fault.Unavailable
	}
	if status >= http.StatusInternalServerError || status < http.StatusBadRequest {
		return fault.Unavailable
	}
	return fault.Invalid
}

// permission is DOMAIN:ENTITY:ACTION, as refusals name what is missing.
var permission = regexp.MustCompile(`\b[a-z][A-Za-z]*:[a-zA-Z*]+:[a-zA-Z*]+\b`)

// failure is the refusal of call as an error.
func failure(call Call, r Reply, e envelope) *target.Failure {
	f := &target.Failure{
		Kind: classify(call.Method, r.Status, e), Status: r.Status, Code: e.word(),
		Detail: strike(e.said(), call), Correlation: r.Correlation, Attempts: r.Attempts,
	}
	if f.Kind == fault.Denied {
		f.Permissions = e.permissions()
	}
	return f
}

// permissions are those that the refusal names, each once, in its order.
func (e envelope) permissions() []string {
	var out []string
	text := strings.Join(append([]string{e.message, e.detail}, e.params...), "\n")
	for _, p := range permission.FindAllString(text, -1) {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// struck stands where a value stood.
const struck = "…"

var (
	plainWord = regexp.MustCompile(`^[0-9A-Za-z]+$`)

	quoted  = regexp.MustCompile(`"[^"]*"|'[^']*'|“[^”]*”`)
	address = regexp.MustCompile(`[^\s"'<>(),;]+@[^\s"'<>(),;]+`)
	figures = regexp.MustCompile(`\+?\d[\d .()/-]{4,}\d`)
)

// strike takes out of a service's words whatever may be a value of a person:
// what the request held, what is quoted, addresses and long numbers.
func strike(text string, call Call) string {
	held := heldValues(call)
	slices.SortFunc(held, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // a name before its parts
	for _, v := range held {
		text = without(text, v)
	}
	text = quoted.ReplaceAllString(text, struck)
	text = address.ReplaceAllString(text, struck)
	text = figures.ReplaceAllString(text, struck)
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + struck
	}
	return strings.TrimRight(strings.Join(strings.Fields(text), " "), ". ")
}

// without strikes a value; one as short as "HR" only where it is a word.
func without(text, value string) string {
	const short = 3
	if len(value) > short || !plainWord.MatchString(value) {
		return strings.ReplaceAll(text, value, struck)
	}
	return regexp.MustCompile(`\b`+value+`\b`).ReplaceAllString(text, struck)
}

// heldValues are the strings and numbers that a request carries, but for the
// words of the protocol.
func heldValues(call Call) []string {
	var out []string
	for _, m := range quoted.FindAllString(call.Query.Get("filter"), -1) {
		out = append(out, m[1:len(m)-1])
	}
	var body any
	_ = json.Unmarshal(call.Body, &body) // what is no JSON has no leaves
	return leaves(out, body, "")
}

func leaves(out []string, v any, name string) []string {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			out = leaves(out, e, k)
		}
	case []any:
		for _, e := range v {
			out = leaves(out, e, name)
		}
	case string:
		switch name {
		case "op", "schemas":
		case "path":
			for _, m := range quoted.FindAllString(v, -1) {
				out = leaves(out, m[1:len(m)-1], "")
			}
		default:
			if v != "" {
				out = append(out, v)
			}
		}
	case float64:
		out = append(out, strconv.FormatFloat(v, 'f', -1, 64))
	}
	return out
}

// retryAfter is the wait that an answer asks for: whole seconds, or a date.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseFloat(text, 64); err == nil && n >= 0 {
		return time.Duration(n * float64(time.Second)), true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}
