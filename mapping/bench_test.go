package mapping_test

import (
	"fmt"
	"testing"

	"rollcall/mapping"
	"rollcall/source"
)

// Phones cost more than everything else together, so that they are measured apart.
func BenchmarkMap(b *testing.B)           { benchmark(b, `phone(row.Phone, "US")`) }
func BenchmarkMapPlainPhone(b *testing.B) { benchmark(b, `row.Phone`) }

func benchmark(b *testing.B, phone string) {
	b.Helper()
	cols := columns("Login", "Mail", "First", "Last", "Flag", "Title", "Phone", "Department", "Boss", "Status")
	m, err := mapping.Compile(mapping.Rules{
		Where: mapping.Expr{Text: `row.Status == "Current"`, Label: "where"},
		Attributes: []mapping.Attribute{
			rule("externalId", "row.Login"), rule("userName", "lower(row.Mail)"), rule("displayName", `row.First + " " + row.Last`),
			rule("active", `row.Flag == "1"`), rule("title", "row.Title"), rule(workPhone, phone),
			rule(manager, "person(row.Boss)"), rule("roles", `row.Department == "Sales" ? ["Sales Agent"] : []`),
		},
		Groups: []mapping.Group{{Name: "Managers", When: mapping.Expr{Text: `row.Title contains "Manager"`, Label: "g"}}},
	}, cols, options())
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1_000, 10_000, 100_000} {
		records := make([]source.Record, n)
		for i := range records {
			records[i] = source.Record{Key: source.Key(fmt.Sprint("e", i)), Values: []any{
				fmt.Sprint("e", i), fmt.Sprintf("Kim.%d@Example.com", i), "Kim", fmt.Sprint("Doe", i), "1", "Account Manager",
				fmt.Sprintf("320-555-%04d", i%10_000), []string{"Sales", "Ops"}[i%2], fmt.Sprint("e", i/8), "Current",
			}}
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range records {
					if _, err := m.Map(r); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "people/s")
		})
	}
}
