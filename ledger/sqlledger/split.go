package sqlledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	jsonv1 "github.com/go-json-experiment/json/v1"

	"rollcall/ledger"
	"rollcall/scim"
)

// A mention is how a text names a person other than its subject: by source key or by id.
type mention struct{ key, id string }

// A splitter takes the parts about others out of a text, so that each is
// sealed for whom it is about. In the skeleton {"$sealed": i} stands for part i.
//
// What is taken out: {"$person": KEY} anywhere; the elements of a group's
// members, {"value": ...}, and paths that name one, where members; and objects
// with a source key as "key", where keyed.
type splitter struct {
	subject string // source key that the text is about: its own mentions stay
	members bool
	keyed   bool
	person  func(mention) (int64, error)

	parts []part // the first is the skeleton's
	index map[string]int
	err   error
}

// split answers the skeleton as part 0, of person owner, and the others behind it.
func (s *splitter) split(owner int64, text []byte) ([]part, error) {
	s.parts = []part{{person: owner, text: text}}
	keyed := s.keyed && bytes.Contains(text, []byte(`"key"`))
	if !s.members && !keyed && !bytes.Contains(text, []byte(`"$person"`)) {
		return s.parts, nil // kept byte for byte
	}
	v, err := decode(text)
	if err != nil {
		return nil, err
	}
	s.index = map[string]int{}
	v = s.walk(v)
	if s.err != nil {
		return nil, s.err
	}
	s.parts[0].text, err = encode(v)
	return s.parts, err
}

func (s *splitter) walk(v any) any {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			v[i] = s.walk(e)
		}
	case map[string]any:
		if m, ok := s.mentioned(v); ok {
			return s.take(m, v, nil)
		}
		for name, e := range v {
			v[name] = s.walk(e)
		}
		if path, ok := v["path"].(string); ok && s.members {
			v["path"] = s.path(path)
		}
	}
	return v
}

// mentioned tells whether the object v is about another person.
func (s *splitter) mentioned(v map[string]any) (mention, bool) {
	if key, ok := v["$person"].(string); ok {
		return mention{key: key}, key != s.subject
	}
	if key, ok := v["key"].(string); ok && s.keyed && key != "" {
		return mention{key: key}, true
	}
	if !s.members {
		return mention{}, false
	}
	switch value := v["value"].(type) {
	case string:
		return mention{id: value}, value != ""
	case map[string]any:
		key, ok := value["$person"].(string)
		return mention{key: key}, ok
	}
	return mention{}, false
}

// path takes a path out that names a member: members[value eq "ID"].
func (s *splitter) path(text string) any {
	p, err := scim.ParsePath(text)
	if err != nil {
		return text
	}
	parts := p.Parts()
	if parts.Filter == nil {
		return text
	}
	_, value, ok := parts.Filter.Equality()
	id, isText := value.Text()
	if !ok || !isText {
		return text
	}
	return s.take(mention{id: id}, text, parts.Attr)
}

// take makes v a part and answers what stands for it; rest is what remains of it for ever.
func (s *splitter) take(m mention, v, rest any) any {
	text, err := encode(v)
	if err == nil && s.err == nil {
		var person int64
		if person, err = s.person(m); err == nil {
			return s.stand(part{person: person, text: text}, rest)
		}
	}
	if s.err == nil {
		s.err = err
	}
	return nil
}

func (s *splitter) stand(p part, rest any) any {
	name := strconv.FormatInt(p.person, 10) + " " + string(p.text)
	i, known := s.index[name]
	if !known {
		i = len(s.parts)
		s.parts, s.index[name] = append(s.parts, p), i
	}
	out := map[string]any{"$sealed": i}
	if rest != nil {
		out["rest"] = rest
	}
	return out
}

// join puts the parts back into the skeleton. Of a forgotten person an object
// remains that says so, and of a path its attribute.
func join(parts []part) ([]byte, error) {
	if len(parts) == 1 {
		return parts[0].text, nil
	}
	v, err := decode(parts[0].text)
	if err != nil {
		return nil, err
	}
	if v, err = refill(v, parts); err != nil {
		return nil, err
	}
	return encode(v)
}

func refill(v any, parts []part) (_ any, err error) {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			if v[i], err = refill(e, parts); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if n, ok := v["$sealed"].(json.Number); ok {
			return stood(n, v["rest"], parts)
		}
		for name, e := range v {
			if v[name], err = refill(e, parts); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func stood(n json.Number, rest any, parts []part) (any, error) {
	i, err := strconv.Atoi(n.String())
	switch {
	case err != nil || i < 1 || i >= len(parts):
		return nil, fmt.Errorf("part %s is not there", n)
	case parts[i].text != nil:
		return json.RawMessage(parts[i].text), nil
	case rest != nil:
		return rest, nil
	}
	return map[string]any{"$erased": true}, nil
}

// mentions are the people that the parts are about, by how the text names them.
func mentions(parts []part) (map[mention]int64, error) {
	if len(parts) == 1 {
		return nil, nil
	}
	out := map[mention]int64{}
	for _, p := range parts[1:] {
		if p.text == nil {
			continue
		}
		v, err := decode(p.text)
		if err != nil {
			return nil, err
		}
		s := splitter{members: true, keyed: true}
		switch v := v.(type) {
		case map[string]any:
			if m, ok := s.mentioned(v); ok {
				out[m] = p.person
			}
		case string:
			s.person = func(m mention) (int64, error) { out[m] = p.person; return p.person, nil }
			s.index = map[string]int{}
			s.path(v)
		}
	}
	return out, nil
}

func decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// unmarshal reads JSON as encoding/json does, in a third of its time.
func unmarshal(text []byte, into any) error { return jsonv1.Unmarshal(text, into) }

// encode is JSON as it is stored: what json.Marshal makes, with < > & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// memberOf is how a ledger.Member is mentioned.
func memberOf(m ledger.Member) mention { return mention{key: string(m.Key), id: m.ID} }
