// Package genesyssim is a simulated Genesys Cloud organization: users, groups,
// OAuth and the parts of the public API that a provisioning client needs, in
// one process and in memory, behaving as the dossier says (§14, every rule).
//
// Where no public source settles how the service behaves there is a switch
// ([SwitchDocs]); trouble is made by faults ([Fault]); GET /_sim/... tells the
// truth about what was asked and what is there. Ids, people, tokens and chance
// follow from the seed.
//
// Start at [New]. The same organization is served over sockets ([Server.Run],
// [Server.Handler]) and without any ([Server.Transport]), which is what tests
// in a testing/synctest bubble want.
//
// # What it chooses
//
// PUT clears what its body leaves out, but for userName, displayName and
// active. Roles and divisions are found by name in any case, skills and
// languages exactly. The roles of a user's groups are listed among its roles.
// If-Match takes strong tags in double quotes only. A filter by anything but id,
// userName, email or an external id finds active users only.
//
// # Control
//
//	GET  /_sim/requests?since=N  {"requests": [...], "last": N}: the log
//	GET  /_sim/stats             counts by method, path and status
//	GET  /_sim/users             {"users": [SCIM user + "state"]}, deleted ones too
//	GET  /_sim/groups            {"groups": [SCIM group]}
//	GET  /_sim/faults, PUT       [Fault]: the list itself
//	GET  /_sim/switches, PUT     {NAME: VALUE}: those named are turned
//	GET  /_sim/clients, POST     {"id": ID, "disabled": true, "permissions": [...], "secret": ...}
//	GET  /_sim/clock, POST       {"advance": "36h"}, {"advance": "90d"} or {"to": TIME}
//	POST /_sim/edit              {"user": WHO, "operations": [...]}: someone changes a user;
//	                             "delete": true deletes it, "group" instead of "user" is for groups
//	POST /_sim/reset             everything as it was at the start
package genesyssim
