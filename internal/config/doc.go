// Package config reads the file that describes one sync (design §6).
//
// [Parse] is strict: an unknown key, a repeated key, a value of the wrong form
// and a contradiction between keys are mistakes. It reports all of them at
// once, each a *[Mistake] with file, line and column; those in expressions
// point into the expression. A file without a mistake becomes a [Config]:
// plain values for the packages that do the work.
//
// One table (keys.go) says what keys there are, how each is read, what it means
// and what is assumed without it. The parser, the JSON Schema ([Schema]) and the
// reference ([Keys]) are made from it, so that they cannot disagree.
//
// Secrets never stand in the file. A reference, env:NAME or file:/path, gives a
// [Secret], which shows itself to nobody who does not ask for it by name.
package config
