package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// policyTable is the nftables table (family inet) of the rules that NetworkPolicies ask for. Pods' links are routed, so that every packet
// from one pod to another is forwarded, and by then its Service's address is translated.
const policyTable = "optup_policies"

// networkPolicy is what is read of a NetworkPolicy (networking.k8s.io/v1).
type networkPolicy struct {
	Metadata objectName
	Spec     struct {
		PodSelector labelSelector
		PolicyTypes []string
		Ingress     []struct {
			From []struct {
				PodSelector, NamespaceSelector *labelSelector
				IPBlock                        json.RawMessage
			}
			Ports []struct {
				Protocol string
				Port     any
				EndPort  int
			}
		}
		Egress json.RawMessage
	}
}

type objectName struct {
	Namespace, Name string
	Labels          map[string]string
}

type labelSelector struct {
	MatchLabels      map[string]string
	MatchExpressions []struct {
		Key, Operator string
		Values        []string
	}
}

// clusterPod is what is read of a pod.
type clusterPod struct {
	Metadata objectName
	Spec     struct{ HostNetwork bool }
	Status   struct{ Phase, PodIP string }
}

// policyWorld is everything that rules follow from.
type policyWorld struct {
	policies   []networkPolicy
	namespaces map[string]map[string]string
	pods       []clusterPod
}

// keepPolicies writes the rules of ingress NetworkPolicies once a second, where they have changed, until the context ends. It is for tests:
// a pod that has just started is open for that second, and connections that were made before a policy stay.
func (c cluster) keepPolicies(ctx context.Context) error {
	client, err := c.apiClient()
	if err != nil {
		return err
	}
	written := "unknown" // an earlier run may have left some
	for {
		if w, err := c.readPolicyWorld(ctx, client); err == nil {
			rules, problems := policyRules(w)
			if rules != written {
				if err = writeRules(rules); err == nil {
					written = rules
					fmt.Printf("%d NetworkPolicies are in force\n", len(w.policies))
				}
				for _, p := range problems {
					fmt.Fprintln(os.Stderr, p)
				}
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		} else if ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, err) // what is in force stays
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// readPolicyWorld reads policies, and pods only where there is one.
func (c cluster) readPolicyWorld(ctx context.Context, client *http.Client) (policyWorld, error) {
	w := policyWorld{namespaces: map[string]map[string]string{}}
	var err error
	if w.policies, err = listed[networkPolicy](ctx, c, client, "/apis/networking.k8s.io/v1/networkpolicies"); err != nil || len(w.policies) == 0 {
		return w, err
	}
	namespaces, err := listed[struct{ Metadata objectName }](ctx, c, client, "/api/v1/namespaces")
	for _, n := range namespaces {
		w.namespaces[n.Metadata.Name] = n.Metadata.Labels
	}
	if err == nil {
		w.pods, err = listed[clusterPod](ctx, c, client, "/api/v1/pods")
	}
	return w, err
}

func listed[T any](ctx context.Context, c cluster, client *http.Client, path string) ([]T, error) {
	data, err := c.apiCall(ctx, client, http.MethodGet, path+"?resourceVersion=0", "")
	if err != nil {
		return nil, err
	}
	var list struct{ Items []T }
	return list.Items, json.Unmarshal(data, &list)
}

// writeRules replaces the table at once; without rules there is none.
func writeRules(rules string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(replacing(rules))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the rules of NetworkPolicies are not in force: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// replacing adds the table before it deletes it, which would fail where there is none.
func replacing(rules string) string {
	return "table inet " + policyTable + "\ndelete table inet " + policyTable + "\n" + rules
}

// policyRules gives the table, empty without policies, and a sentence about whatever of a policy cannot be enforced. Such a rule lets
// nobody in.
func policyRules(w policyWorld) (rules string, problems []string) {
	var jumps, chains strings.Builder
	for _, p := range w.addressed() {
		isolated, accepts := false, []string{}
		for i := range w.policies {
			n := &w.policies[i]
			if n.Metadata.Namespace != p.Metadata.Namespace || !n.ingress() || !n.Spec.PodSelector.matches(p.Metadata.Labels) {
				continue
			}
			isolated = true
			accepts = append(accepts, w.accepts(n)...)
		}
		if !isolated {
			continue
		}
		chain := "to_" + strings.ReplaceAll(p.Status.PodIP, ".", "_")
		fmt.Fprintf(&jumps, "    ip daddr %s jump %s\n", p.Status.PodIP, chain)
		slices.Sort(accepts)
		fmt.Fprintf(&chains, "  chain %s {\n", chain)
		for _, a := range slices.Compact(accepts) {
			fmt.Fprintf(&chains, "    %saccept\n", a)
		}
		fmt.Fprintf(&chains, "    reject with icmpx admin-prohibited\n  }\n")
	}
	for i := range w.policies {
		problems = append(problems, w.policies[i].problems()...)
	}
	if jumps.Len() == 0 {
		return "", problems
	}
	return "table inet " + policyTable + " {\n" + chains.String() +
		"  chain forward {\n    type filter hook forward priority filter; policy accept;\n    ct state established,related accept\n" + jumps.String() + "  }\n}\n", problems
}

// addressed are the pods that have an address of their own, in its order. The address of one that has ended may be another's.
func (w policyWorld) addressed() []clusterPod {
	out := slices.DeleteFunc(slices.Clone(w.pods), func(p clusterPod) bool {
		return p.Status.PodIP == "" || p.Spec.HostNetwork || p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed"
	})
	slices.SortFunc(out, func(a, b clusterPod) int { return cmp.Compare(a.Status.PodIP, b.Status.PodIP) })
	return out
}

// ingress tells whether a policy isolates pods from who calls them, as all do that do not say otherwise.
func (n *networkPolicy) ingress() bool {
	return len(n.Spec.PolicyTypes) == 0 || slices.Contains(n.Spec.PolicyTypes, "Ingress")
}

// accepts gives what a policy lets in: for each of its rules who, and on which ports.
func (w policyWorld) accepts(n *networkPolicy) (out []string) {
	for _, r := range n.Spec.Ingress {
		from := ""
		if len(r.From) > 0 {
			var sources []string
			for _, p := range w.addressed() {
				for _, peer := range r.From {
					if w.isPeer(n, peer.PodSelector, peer.NamespaceSelector, &p) {
						sources = append(sources, p.Status.PodIP)
						break
					}
				}
			}
			if len(sources) == 0 {
				continue
			}
			from = "ip saddr { " + strings.Join(sources, ", ") + " } "
		}
		if len(r.Ports) == 0 {
			out = append(out, from)
		}
		for _, p := range r.Ports {
			number, ok := p.Port.(float64)
			protocol := strings.ToLower(cmp.Or(p.Protocol, "TCP"))
			switch {
			case p.EndPort != 0 || (protocol != "tcp" && protocol != "udp") || (p.Port != nil && !ok):
				// problems tells about it
			case p.Port == nil:
				out = append(out, from+"meta l4proto "+protocol+" ")
			default:
				out = append(out, fmt.Sprintf("%s%s dport %d ", from, protocol, int(number)))
			}
		}
	}
	return out
}

// isPeer tells whether a pod is one that a rule is about. A peer that is something else than pods is nobody.
func (w policyWorld) isPeer(n *networkPolicy, pods, namespaces *labelSelector, p *clusterPod) bool {
	switch {
	case pods == nil && namespaces == nil:
		return false
	case namespaces == nil && p.Metadata.Namespace != n.Metadata.Namespace:
		return false
	case namespaces != nil && !namespaces.matches(w.namespaces[p.Metadata.Namespace]):
		return false
	}
	return pods == nil || pods.matches(p.Metadata.Labels)
}

// matches tells whether labels have all that a selector asks for. An operator that is not known matches nothing.
func (s *labelSelector) matches(labels map[string]string) bool {
	for k, v := range s.MatchLabels {
		if has, there := labels[k]; !there || has != v {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		has, there := labels[e.Key]
		ok := false
		switch e.Operator {
		case "In":
			ok = there && slices.Contains(e.Values, has)
		case "NotIn":
			ok = !there || !slices.Contains(e.Values, has)
		case "Exists":
			ok = there
		case "DoesNotExist":
			ok = !there
		}
		if !ok {
			return false
		}
	}
	return true
}

// problems says what of a policy is not enforced as it is written.
func (n *networkPolicy) problems() (out []string) {
	say := func(what string) {
		out = append(out, fmt.Sprintf("NetworkPolicy %s/%s: %s", n.Metadata.Namespace, n.Metadata.Name, what))
	}
	if len(n.Spec.Egress) > 0 || slices.Contains(n.Spec.PolicyTypes, "Egress") {
		say("egress is not enforced here")
	}
	for _, r := range n.Spec.Ingress {
		for _, peer := range r.From {
			if len(peer.IPBlock) > 0 {
				say("ipBlock is not understood here, and lets nobody in")
			}
		}
		for _, p := range r.Ports {
			_, number := p.Port.(float64)
			if (p.Port != nil && !number) || p.EndPort != 0 || p.Protocol == "SCTP" {
				say("ports by name, ranges of ports and SCTP are not understood here, and let nobody in")
			}
		}
	}
	return out
}
