package config

import (
	"encoding/json"
	"maps"

	"rollcall/target"
)

// table is the table of keys, read by nobody.
func table() kind { return newDraft(&reader{}, target.Dialect{}).file() }

// Schema is the JSON Schema of the file (draft 2020-12), for editors.
func Schema() []byte {
	schema := maps.Clone(table().schema)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "rollcall configuration"
	schema["description"] = "One sync: one source of people, one organization."
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic("config: the table of keys is no JSON: " + err.Error())
	}
	return append(text, '\n')
}

// A KeyDoc documents one key. * in a path stands for a free name.
type KeyDoc struct {
	Path     string
	Type     string
	Default  string // as it would be written, or in words; "" where nothing is assumed
	Doc      string
	Required bool
}

// Keys are all keys in the order of the table, parents before their children.
func Keys() []KeyDoc { return keysOf("", table()) }

func keysOf(prefix string, k kind) []KeyDoc {
	var docs []KeyDoc
	for _, f := range k.fields {
		if f.kind.schema == nil {
			continue
		}
		path := prefix + f.name
		docs = append(docs, KeyDoc{Path: path, Type: f.kind.word, Default: f.def, Doc: f.doc, Required: f.required})
		below := path + "."
		if f.kind.free {
			below += "*."
		}
		docs = append(docs, keysOf(below, f.kind)...)
	}
	return docs
}
