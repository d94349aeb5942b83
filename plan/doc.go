// Package plan decides what must change. It computes only: no clock, context,
// logger, file, network, goroutine, or map order. The same input gives the same
// plan, byte for byte.
//
// A [Builder] takes links, desired people and observed resources in any order,
// says what it must still know, and gives a [Plan]: findings, limits, cost, and
// changes in the order in which they are applied. A [Change] is an intent
// relative to what is there: held against the resource of the moment
// ([Change.Against]) it becomes SCIM operations. Planning, a conflict, a saved
// plan, resuming after a kill and reverting are all that one step.
package plan
