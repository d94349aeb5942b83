package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rollcall/fault"
	"rollcall/internal/sampledata"
	"rollcall/target/genesyssim"
)

// A Stage is where the demo plays: a simulated organization, and a directory
// with the sample company's export and configuration.
type Stage struct {
	Dir string
	Env func(string) (string, bool) // the simulator's addresses and credentials; nothing of this machine's environment
}

// Demo sets the stage, runs play on it, and leaves nothing behind.
func (h Host) Demo(ctx context.Context, play func(context.Context, Stage) error) error {
	dir, err := os.MkdirTemp("", "rollcall-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w: %w", fault.Unavailable, err)
	}
	defer os.RemoveAll(dir)
	if err := unpack(sampledata.Files(), dir); err != nil {
		return fmt.Errorf("demo: %w: %w", fault.Unavailable, err)
	}
	srv, err := genesyssim.New(sampleOrganization(), genesyssim.Options{Now: h.Clock(), Log: h.log()})
	if err != nil {
		return err
	}

	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- srv.Run(serving, func(api, _ string) { address <- api }) }()
	select {
	case err := <-ended:
		return err
	case api := <-address:
		err = play(ctx, Stage{Dir: dir, Env: stageEnv(api, srv.Clients()[0])})
	}
	stop()
	return errors.Join(err, <-ended)
}

// NextMorning edits the export as HR would overnight: one person leaves, one
// marries, one is promoted to the day shift.
func (s Stage) NextMorning() error {
	name := filepath.Join(s.Dir, sampledata.People)
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("demo: %w: %w", fault.Unavailable, err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.Contains(line, ",E1034,"):
			continue
		case strings.Contains(line, ",E1038,"):
			line = strings.NewReplacer("Nagy", "Szabó", "zsofia.nagy", "zsofia.szabo").Replace(line)
		case strings.Contains(line, ",E1016,"):
			line = strings.NewReplacer("Agente", "Senior Agente", "Night", "Day", "Billing:2", "Billing:3").Replace(line)
		}
		lines = append(lines, line)
	}
	return os.WriteFile(name, []byte(strings.Join(lines, "")), 0o600)
}

func stageEnv(api string, c genesyssim.Client) func(string) (string, bool) {
	vars := map[string]string{
		"GENESYS_BASE_URL": api, "GENESYS_LOGIN_URL": api,
		"GENESYS_CLIENT_ID": c.ID, "GENESYS_CLIENT_SECRET": c.Secret,
	}
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

// sampleOrganization is empty but for what must exist before people come: groups, roles, skills, languages.
func sampleOrganization() genesyssim.Config {
	names := sampledata.Organization()
	c := genesyssim.Config{
		Seed: genesyssim.DefaultSeed, Listen: "127.0.0.1:0",
		Roles: append([]string{"employee", "admin"}, names.Roles...), Divisions: []string{"Home"},
		Skills: names.Skills, Languages: names.Languages,
	}
	for _, g := range names.Groups {
		c.Groups = append(c.Groups, genesyssim.Group{Name: g})
	}
	return c
}

func unpack(files fs.FS, dir string) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), text, 0o600)
	})
}
