package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rollcall/fault"
	"rollcall/source/filesource"
)

// A Guess is what an export looks like.
type Guess = filesource.Guess

// Init writes a commented configuration to file, which must not exist. With an
// export it guesses from it, and answers the guess; else what it wrote has blanks to fill.
func (h Host) Init(ctx context.Context, file, export string) (*filesource.Guess, error) {
	if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
		err := fmt.Errorf("init: %s is there already: %w", file, fault.Invalid)
		return nil, fault.WithHint(err, "move it away, or name another with --config")
	}
	if export == "" {
		return nil, writeWhole(file, []byte(Blank), 0o644)
	}
	g, err := filesource.Sniff(ctx, export)
	if err != nil {
		return nil, err
	}
	seen, err := seenFrom(filepath.Dir(file), export)
	if err != nil {
		return nil, fmt.Errorf("init: %w: %w", fault.Invalid, err)
	}
	return &g, writeWhole(file, []byte(Draft(seen, g)), 0o644)
}

// seenFrom is path relative to dir where that is possible, else absolute.
func seenFrom(dir, path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}
