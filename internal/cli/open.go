package cli

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"rollcall/internal/app"
	"rollcall/ledger"
	"rollcall/target"
)

// logger is where the log goes: to standard error, from --log-level on.
func (s *session) logger() (*slog.Logger, error) {
	log, err := app.Logger(s.Stderr, s.logLevel)
	if err != nil {
		return nil, usageError{err}
	}
	return log, nil
}

// prepare gives the host what the global flags say.
func (s *session) prepare() error {
	log, err := s.logger()
	if err != nil {
		return err
	}
	s.host.Log, s.host.User = log, s.as
	return nil
}

// open opens the configured sync.
func (s *session) open(ctx context.Context, write bool, in app.Intent) (*app.Sync, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	return s.host.Open(ctx, s.config, write, in)
}

// openPatch opens what explicit operations need: a file that was named with
// --config has to be there, the default one does not.
func (s *session) openPatch(cmd *cobra.Command, write bool, in app.Intent) (*app.Sync, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	return s.host.OpenPatch(cmd.Context(), s.config, cmd.Flags().Changed("config"), write, in)
}

// openLedger opens the ledger alone, for reading.
func (s *session) openLedger(cmd *cobra.Command) (ledger.Store, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	return s.host.OpenLedger(cmd.Context(), s.config, cmd.Flags().Changed("config"))
}

func (s *session) dialect() target.Dialect { return app.Dialect() }
