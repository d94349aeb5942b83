package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rollcall/fault"
	"rollcall/internal/app"
)

func (s *session) benchCommand() *cobra.Command {
	var o struct {
		people []string
		naive  bool
	}
	cmd := command(&cobra.Command{
		Use:   "bench",
		Short: "measure this machine on a generated organization",
		Long: "Generates an organization in the simulator, exports it as an HR system would, and measures plan and apply as\n" +
			"processes of their own: nobody linked, nothing changed, 1% changed, everybody changed, and --quick. The\n" +
			"simulator is another process, without limits. With two sizes the memory of one person is told. Nothing is\n" +
			"left behind. 100,000 people take a quarter of an hour, a million some hours.",
		Example: "  rollcall bench\n  rollcall bench --people 1000 --people 10000 --against-naive\n  rollcall bench --people 1000000 --json > bench.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			sizes, err := sizesOf(o.people)
			if err != nil {
				return err
			}
			return s.bench(cmd.Context(), app.BenchOptions{People: sizes, Naive: o.naive})
		},
	})
	cmd.Flags().StringArrayVar(&o.people, "people", nil, "how many; repeatable (default 10000)")
	cmd.Flags().BoolVar(&o.naive, "against-naive", false, "let an ordinary client do the same: list, then GET and PATCH each user")
	return cmd
}

// bench measures, and shows one document or a table.
func (s *session) bench(ctx context.Context, o app.BenchOptions) error {
	o.Lap = func(l app.Lap) { s.say("%d people: %s", l.People, l.Run) }
	b, err := s.host.Bench(ctx, o)
	if err != nil {
		return err
	}
	if s.json {
		return s.encode(b)
	}
	if err := s.laps(b); err != nil {
		return err
	}
	s.compare(b)
	return nil
}

// laps writes what each lap took, as a table.
func (s *session) laps(b *app.Benchmark) error {
	fmt.Fprintf(s.Stdout, "%d processors, %s, %s, GOGC %s\n", b.Machine.Processors, b.Machine.Platform, b.Machine.Go, b.Machine.Collector)
	table := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "people\trun\tchanges\trequests\ta change\tat 300/min\tseconds\tcpu s\tpeople/s\tpeak MB\tbytes/person\tx floor\t")
	for _, l := range b.Laps {
		writeLap(table, l)
	}
	return table.Flush()
}

// sizesOf are the sizes that --people names, ascending.
func sizesOf(words []string) ([]int, error) {
	if len(words) == 0 {
		return []int{10_000}, nil
	}
	var sizes []int
	for _, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil || n < 100 || n > 2_000_000 {
			return nil, fault.WithHint(usage("--people %s: not a number from 100 to 2000000", w), "rollcall bench --people 10000")
		}
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	return sizes, nil
}

func writeLap(table *tabwriter.Writer, l app.Lap) {
	fmt.Fprintf(table, "%d\t%s\t%d\t%d\t%s\t%.0f s\t%.1f\t%.1f\t%.0f\t%s\t%s\t%s\t\n", l.People, l.Run, l.Changes, l.Requests, dash("%.2f", l.PerChange),
		l.AtRate, l.Seconds, l.Processor, l.PerSecond, dash("%.0f", float64(l.Peak)/1e6), dash("%.0f", l.PerPerson), dash("%.1f", l.TimesFloor))
}

// dash is v, or a dash where it is not known.
func dash(format string, v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// compare says what the ordinary client took, as a multiple of what rollcall did.
func (s *session) compare(b *app.Benchmark) {
	for _, l := range b.Laps {
		for _, r := range l.Against {
			fmt.Fprintf(s.Stdout, "%d people, %s: %.1f times the requests and the time at 300 a minute of %s, and %.1f times its time without limits\n",
				l.People, l.Run, r.Requests, r.Run, r.Seconds)
		}
	}
}
