package genesyssim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/scim"
)

// The media types.
const (
	typeJSON = "application/json"
	typeSCIM = "application/scim+json"
)

// A reply is an answer before it is written, with what a fault does to it.
type reply struct {
	status int
	media  string // "" where there is no body
	header http.Header
	body   []byte

	wait time.Duration // before it is written
	lost bool          // the connection drops instead
	cut  bool          // half of the body, then the connection drops
}

// with sets a header.
func (r reply) with(name, value string) reply {
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
	return r
}

func answer(status int, value any) reply {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic("genesyssim: an answer is not JSON: " + err.Error())
	}
	return reply{status: status, media: typeJSON, body: bytes.TrimSuffix(text.Bytes(), []byte("\n"))}
}

// nothing is an answer without a body.
func nothing(status int) reply { return reply{status: status} }

// An errorBody is the platform's error envelope (dossier §3.4).
type errorBody struct {
	Message           string            `json:"message"`
	Code              string            `json:"code"`
	Status            int               `json:"status"`
	MessageWithParams string            `json:"messageWithParams,omitempty"`
	MessageParams     map[string]string `json:"messageParams"`
	ContextID         string            `json:"contextId"`
	Details           []errorDetail     `json:"details"`
	Errors            []errorBody       `json:"errors"`
	Limit             *limit            `json:"limit,omitempty"`
}

type errorDetail struct {
	ErrorCode string `json:"errorCode"`
	FieldName string `json:"fieldName,omitempty"`
}

type limit struct {
	Key       string `json:"key"`
	Namespace string `json:"namespace"`
	Value     int    `json:"value"`
}

func gatewayError(status int, code, message string) *errorBody {
	return &errorBody{
		Status: status, Code: code, Message: message,
		MessageParams: map[string]string{}, Details: []errorDetail{}, Errors: []errorBody{},
	}
}

// param names a value that the message repeats.
func (e *errorBody) param(name, value string) *errorBody {
	e.MessageWithParams = strings.ReplaceAll(e.Message, value, "{"+name+"}")
	e.MessageParams[name] = value
	return e
}

func badParameter(name, value string) *errorBody {
	return gatewayError(http.StatusBadRequest, "invalid.query.param.value", fmt.Sprintf("The value [%s] of parameter [%s] is not valid.", value, name)).
		param("parameterName", name)
}

func (e *errorBody) reply() reply { return answer(e.Status, e) }

func notFound(what string) reply {
	return gatewayError(http.StatusNotFound, "not.found", "Unable to find the requested "+what+".").reply()
}

// missingPermissions is the 403 of dossier §2.4: any tells whether one of several would do.
func missingPermissions(anyOf bool, permissions ...string) reply {
	code, text := "missing.permissions", "Unable to perform the requested action. You are missing the following permission(s): "
	if anyOf {
		code, text = "missing.any.permissions", "Unable to perform the requested action. You must have at least one of the following permissions assigned: "
	}
	list := strings.Join(permissions, ", ")
	return gatewayError(http.StatusForbidden, code, text+list).param("permissions", list).reply()
}

// A scimError is the error envelope of SCIM: its status is a string.
type scimError struct {
	Schemas  []string `json:"schemas"`
	Status   string   `json:"status"`
	ScimType string   `json:"scimType,omitempty"`
	Detail   string   `json:"detail"`
}

const errorURN = "urn:ietf:params:scim:api:messages:2.0:Error"

func scimReply(e *scim.Error) reply {
	r := answer(e.Status, scimError{
		Schemas: []string{errorURN}, Status: strconv.Itoa(e.Status), ScimType: e.ScimType, Detail: e.Detail,
	})
	r.media = typeSCIM
	return r
}

// scimFault is the reply of an error of package scim.
func scimFault(err error) reply {
	var e *scim.Error
	if !errors.As(err, &e) {
		e = refuse("invalidValue", "%v", err)
	}
	return scimReply(e)
}

// resource is a SCIM resource with its ETag.
func resource(status int, body []byte, version int32) reply {
	return reply{status: status, media: typeSCIM, body: body}.with("ETag", etag(version))
}

// tooMany is a 429 that tells how long to wait (dossier §3.3).
func tooMany(seconds int, of *limit) reply {
	wait := strconv.Itoa(seconds)
	e := gatewayError(http.StatusTooManyRequests, "too.many.requests.retry.after",
		"Rate limit exceeded the maximum. Retry the request in ["+wait+"] seconds")
	e.MessageWithParams = "Rate limit exceeded the maximum. Retry the request in [{retryAfter}] seconds"
	e.MessageParams["retryAfter"] = wait
	e.Limit = of
	return e.reply().with("Retry-After", wait)
}

// edgePage is what CloudFront shows instead of an answer.
func edgePage() reply {
	const page = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\" \"http://www.w3.org/TR/html4/loose.dtd\">\n" +
		"<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD>\n" +
		"<BODY><H1>502 ERROR</H1><H2>The request could not be satisfied.</H2></BODY></HTML>\n"
	return reply{status: http.StatusBadGateway, media: "text/html", body: []byte(page)}.with("Server", "CloudFront")
}
