package app

import (
	"context"
	"errors"
	"fmt"
	"io"
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
		return nil, writeText(file, Blank)
	}
	g, err := filesource.Sniff(ctx, export)
	if err != nil {
		return nil, err
	}
	seen, err := seenFrom(filepath.Dir(file), export)
	if err != nil {
		return nil, fmt.Errorf("init: %w: %w", fault.Invalid, err)
	}
	return &g, writeText(file, Draft(seen, g))
}

func writeText(file, text string) error {
	return writeWhole(file, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
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
