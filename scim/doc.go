// Package scim is the SCIM 2.0 vocabulary: values, attribute paths, filters,
// PATCH operations, schemas, resources (RFC 7643, RFC 7644), and the packed
// rows in which a planner keeps a million of them.
//
// It computes only: no I/O, no clock. Client and simulator share it, so that
// there is one reading of the RFCs in this module.
package scim
