package pods

import "strings"

// Domain finds the domain of the cluster's names, such as cluster.local, among the search domains that the kubelet writes into a pod's
// resolv.conf: namespace.svc.domain, svc.domain, domain. It is empty where there is none.
func Domain(resolvConf string) string {
	for line := range strings.Lines(resolvConf) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "search" {
			continue
		}
		for _, d := range f[1:] {
			if rest, ok := strings.CutPrefix(d, "svc."); ok {
				return strings.TrimSuffix(rest, ".")
			}
		}
	}
	return ""
}

// ServiceOf reads the name of a Service from a host, in the forms that the cluster's name servers complete: name.namespace, with .svc, and
// with the cluster's domain. It reports false for a host of another form.
func ServiceOf(host, domain string) (namespace, name string, ok bool) {
	name, rest, _ := strings.Cut(host, ".")
	namespace, rest, _ = strings.Cut(rest, ".")
	return namespace, name, name != "" && namespace != "" && (rest == "" || rest == "svc" || (domain != "" && rest == "svc."+domain))
}
