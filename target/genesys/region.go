package genesys

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"rollcall/fault"
)

// A Region is where Genesys Cloud keeps organizations (dossier §1.1).
type Region struct {
	AWS    string // the name that Amazon gives it
	Domain string // API at api.DOMAIN, login at login.DOMAIN
}

// Regions are the regions known when this was built, by AWS name. The list
// grows: an organization elsewhere is reached by its API's URL.
func Regions() []Region {
	return slices.Clone(regions)
}

var regions = []Region{
	{"ap-northeast-1", "mypurecloud.jp"},
	{"ap-northeast-2", "apne2.pure.cloud"},
	{"ap-northeast-3", "apne3.pure.cloud"},
	{"ap-south-1", "aps1.pure.cloud"},
	{"ap-southeast-1", "apse1.pure.cloud"},
	{"ap-southeast-2", "mypurecloud.com.au"},
	{"ca-central-1", "cac1.pure.cloud"},
	{"eu-central-1", "mypurecloud.de"},
	{"eu-central-2", "euc2.pure.cloud"},
	{"eu-west-1", "mypurecloud.ie"},
	{"eu-west-2", "euw2.pure.cloud"},
	{"eusc-de-east-1", "edee1.eusc-pure.cloud"},
	{"me-central-1", "mec1.pure.cloud"},
	{"mx-central-1", "mxc1.pure.cloud"},
	{"sa-east-1", "sae1.pure.cloud"},
	{"us-east-1", "mypurecloud.com"},
	{"us-east-2", "use2.us-gov-pure.cloud"},
	{"us-west-2", "usw2.pure.cloud"},
}

// Endpoints are the base URLs of the API and the login of an organization:
// those of the region, by domain or AWS name, or those given. A given API at
// api.X has its login at login.X, any other host serves both. Kind: Invalid.
func Endpoints(region, api, login string) (apiURL, loginURL string, err error) {
	if api == "" {
		domain, err := domainOf(region)
		if err != nil {
			return "", "", err
		}
		api = "https://api." + domain
	}
	a, err := baseURL("api", api)
	if err != nil {
		return "", "", err
	}
	l := *a
	if rest, ok := strings.CutPrefix(a.Host, "api."); ok {
		l.Host = "login." + rest
	}
	if login != "" {
		given, err := baseURL("login", login)
		if err != nil {
			return "", "", err
		}
		l = *given
	}
	return a.String(), l.String(), nil
}

func domainOf(region string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(region))
	name = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(name, "/"), "https://"), "api.")
	var known []string
	for _, r := range regions {
		if name == r.Domain || name == r.AWS {
			return r.Domain, nil
		}
		known = append(known, r.Domain, r.AWS)
	}
	if name == "" {
		return "", fault.WithHint(fmt.Errorf("region: none given, nor the URL of the API: %w", fault.Invalid),
			"set region to the domain of your organization, such as mypurecloud.com: it is what follows apps. in the address bar of Genesys Cloud")
	}
	hint := "known are " + strings.Join(slices.Sorted(domains()), ", ") + "; for a newer one give the URL of its API instead, such as https://api.DOMAIN"
	if near := fault.Nearest(name, known); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return "", fault.WithHint(fmt.Errorf("region %q: not known: %w", region, fault.Invalid), hint)
}

func domains() func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, r := range regions {
			if !yield(r.Domain) {
				return
			}
		}
	}
}

func baseURL(name, text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(strings.TrimSpace(text), "/"))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.WithHint(fmt.Errorf("URL of the %s: not an address such as https://%s.mypurecloud.com: %w", name, name, fault.Invalid),
			"give scheme and host and nothing else")
	}
	if u.Path = strings.TrimSuffix(u.Path, "/api/v2"); u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("URL of the %s: has a query: %w", name, fault.Invalid)
	}
	return u, nil
}

// sameDomain tells that two hosts differ in their first label at most.
func sameDomain(a, b string) bool {
	x, y := hostOf(a), hostOf(b)
	_, xs, _ := strings.Cut(x, ".")
	_, ys, _ := strings.Cut(y, ".")
	return x == y || xs == ys && strings.Contains(xs, ".")
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return cmp.Or(u.Hostname(), u.Host)
}
