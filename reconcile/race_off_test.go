//go:build !race

package reconcile_test

// lawOrganizations is how many organizations the law is tried on.
const lawOrganizations = 2000
