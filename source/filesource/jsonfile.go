package filesource

import "rollcall/source"

func openJSON(doc document, o Options, lines bool) (form, error) { panic("next") }
func openSheet(doc document, o Options) (form, error)            { panic("next") }

var _ source.Record
