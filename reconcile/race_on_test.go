//go:build race

package reconcile_test

// lawOrganizations is fewer here: the race detector makes everything ten times slower.
const lawOrganizations = 200
