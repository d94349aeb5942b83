//go:build !race

package main

// crashStride is how many steps lie between those at which a process is killed.
const crashStride = 1
