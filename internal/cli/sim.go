package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/fault"
	"rollcall/target/genesyssim"
)

func (s *session) simCommand() *cobra.Command {
	var o struct {
		config, listen, login string
	}
	cmd := command(&cobra.Command{
		Use:   "sim",
		Short: "serve a simulated Genesys Cloud organization on this machine",
		Long: "Serves an organization that behaves as Genesys Cloud is known to, in memory, for trying rollcall or any other SCIM\n" +
			"client. The line \"listening http://...\" on standard output says where. It ends with Ctrl-C, and with it everything in it.\n\n" +
			"Switches, in the file or by PUT /_sim/switches:\n" + switchHelp(),
		Example: "  rollcall sim --listen 127.0.0.1:0\n  rollcall sim --config sim.yaml\n  curl http://127.0.0.1:8085/_sim/stats",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := simConfig(o.config)
			if err != nil {
				return err
			}
			if o.listen != "" {
				c.Listen = o.listen
			}
			if o.login != "" {
				c.LoginListen = o.login
			}
			return s.serveSim(cmd.Context(), c)
		},
	})
	flags := cmd.Flags()
	// The simulator's own file: it hides the configuration of a sync, which it has no use for.
	flags.StringVarP(&o.config, "config", "c", "", "the simulator's own `FILE`; default: an empty organization")
	flags.StringVar(&o.listen, "listen", "", "`ADDRESS` of the API; port 0 takes a free one (default "+genesyssim.DefaultListen+")")
	flags.StringVar(&o.login, "login-listen", "", "`ADDRESS` of /oauth/token; default: with the API")
	return cmd
}

func simConfig(name string) (genesyssim.Config, error) {
	var text []byte
	if name != "" {
		var err error
		if text, err = os.ReadFile(name); err != nil {
			return genesyssim.Config{}, fault.WithHint(fmt.Errorf("sim: %w: %w", fault.Invalid, err), "name the simulator's own file, or leave --config out")
		}
	}
	return genesyssim.ParseConfig(name, text)
}

func (s *session) serveSim(ctx context.Context, c genesyssim.Config) error {
	log, err := s.logger()
	if err != nil {
		return err
	}
	srv, err := genesyssim.New(c, genesyssim.Options{Now: s.host.Clock(), Log: log})
	if err != nil {
		return err
	}
	return srv.Run(ctx, func(api, login string) { s.announce(s.Stdout, srv, api, login) })
}

// announce says where the simulator is and how to log in.
func (s *session) announce(w io.Writer, srv *genesyssim.Server, api, login string) {
	fmt.Fprintf(w, "listening %s\n", api)
	if login != api {
		fmt.Fprintf(w, "login %s\n", login)
	}
	for _, c := range srv.Clients() {
		fmt.Fprintf(w, "client %s secret %s\n", c.ID, c.Secret)
	}
}

func switchHelp() string {
	var b strings.Builder
	for _, d := range genesyssim.SwitchDocs() {
		fmt.Fprintf(&b, "  %-20s %s: %s\n", d.Name, strings.Join(d.Values, " | "), d.Doc)
	}
	return strings.TrimRight(b.String(), "\n")
}
