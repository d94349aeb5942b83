//go:build race

package main

// crashStride is more here: the race detector makes everything ten times slower.
const crashStride = 8
