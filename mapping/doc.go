// Package mapping turns records into people: for every managed attribute one
// expression over the columns of a source, compiled once and type-checked
// against them, evaluated per record.
//
// It computes only. The same rules, columns, day and record give the same
// person: expressions read no clock, file, environment, network or map order,
// and their memory, length and loops are bounded. [Compile] reports every
// fault of every rule at once; [Mapping.Map] spoils no more than one person.
//
// # What expressions see
//
// row holds the columns, as row.Name or row["First Name"]; a name must stand
// there, it cannot be computed. today is the day of the run in the configured
// time zone, a date without a time: a leave date has passed when it is before
// today, so that it counts to the end of that day.
//
// Beside the functions of expr-lang there are phone, person, skills,
// languages, date and split; now, timezone and those that depend on the order
// of a map are not there.
package mapping
