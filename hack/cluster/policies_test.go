package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// policyOf reads a policy of namespace crm as the API server writes it.
func policyOf(t *testing.T, spec string) networkPolicy {
	t.Helper()
	var n networkPolicy
	if err := json.Unmarshal([]byte(`{"metadata":{"namespace":"crm","name":"closed"},"spec":`+spec+`}`), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func podOf(namespace, ip string, labels ...string) clusterPod {
	p := clusterPod{Metadata: objectName{Namespace: namespace, Labels: map[string]string{}}}
	p.Status.PodIP, p.Status.Phase = ip, "Running"
	for _, l := range labels {
		k, v, _ := strings.Cut(l, "=")
		p.Metadata.Labels[k] = v
	}
	return p
}

// someWorld has a register, two governed pods and one that is not.
func someWorld(policies ...networkPolicy) policyWorld {
	ended, node := podOf("crm", "10.0.0.9", "app=crm"), podOf("crm", "10.0.0.8", "app=crm")
	ended.Status.Phase, node.Spec.HostNetwork = "Succeeded", true
	return policyWorld{
		policies: policies,
		namespaces: map[string]map[string]string{
			"crm": {"name": "crm"}, "marketing": {"name": "marketing", "mode": "enforce"}, "sales": {"name": "sales", "mode": "observe"}, "other": {"name": "other"},
		},
		pods: []clusterPod{
			podOf("crm", "10.0.0.1", "app=crm"), podOf("crm", "10.0.0.2", "app=jobs"), podOf("marketing", "10.0.0.3", "app=mailer"),
			podOf("sales", "10.0.0.4", "app=caller"), podOf("other", "10.0.0.5", "app=mailer"), podOf("other", ""), ended, node,
		},
	}
}

// letIn gives the rules about a pod, without the last, which lets nobody in; "open" if there are none.
func letIn(t *testing.T, rules, ip string) string {
	t.Helper()
	if !strings.Contains(rules, "ip daddr "+ip+" jump to_"+strings.ReplaceAll(ip, ".", "_")+"\n") {
		return "open"
	}
	_, chain, _ := strings.Cut(rules, "chain to_"+strings.ReplaceAll(ip, ".", "_")+" {\n")
	chain, _, _ = strings.Cut(chain, "\n  }\n")
	body, closed := strings.CutSuffix(chain, "reject with icmpx admin-prohibited")
	if !closed {
		t.Fatalf("the rules about %s let in what they do not mention:\n%s", ip, rules)
	}
	return strings.Join(strings.Fields(body), " ")
}

// TestWhoIsLetIn by each form of a policy; nobody by one that is not understood.
func TestWhoIsLetIn(t *testing.T) {
	for name, tt := range map[string]struct {
		spec, want string
		problem    string
	}{
		"as access GovernedOnly writes it": {`{"podSelector":{"matchLabels":{"app":"crm"}},"policyTypes":["Ingress"],"ingress":[{"from":[
			{"namespaceSelector":{"matchExpressions":[{"key":"name","operator":"In","values":["crm","marketing"]},{"key":"mode","operator":"Exists"}]}},
			{"namespaceSelector":{"matchExpressions":[{"key":"name","operator":"In","values":["other"]}]},"podSelector":{"matchExpressions":[{"key":"ledger","operator":"Exists"}]}}
		],"ports":[{"port":8080,"protocol":"TCP"}]}]}`, "ip saddr { 10.0.0.3 } tcp dport 8080 accept", ""},
		"nobody":                        {`{"podSelector":{}}`, "", ""},
		"everybody":                     {`{"podSelector":{},"ingress":[{}]}`, "accept", ""},
		"everybody on a port":           {`{"podSelector":{},"ingress":[{"ports":[{"port":53,"protocol":"UDP"},{"port":80}]}]}`, "tcp dport 80 accept udp dport 53 accept", ""},
		"everybody by a protocol":       {`{"podSelector":{},"ingress":[{"ports":[{"protocol":"UDP"}]}]}`, "meta l4proto udp accept", ""},
		"pods of its namespace":         {`{"podSelector":{},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"jobs"}}}]}]}`, "ip saddr { 10.0.0.2 } accept", ""},
		"pods of the name elsewhere":    {`{"podSelector":{},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"mailer"}}}]}]}`, "", ""},
		"namespaces without a label":    {`{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchExpressions":[{"key":"mode","operator":"DoesNotExist"}]}}]}]}`, "ip saddr { 10.0.0.1, 10.0.0.2, 10.0.0.5 } accept", ""},
		"namespaces with another value": {`{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchExpressions":[{"key":"mode","operator":"NotIn","values":["enforce"]},{"key":"mode","operator":"Exists"}]}}]}]}`, "ip saddr { 10.0.0.4 } accept", ""},
		"every pod of all namespaces":   {`{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{}}]}]}`, "ip saddr { 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5 } accept", ""},
		"an unknown operator":           {`{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchExpressions":[{"key":"mode","operator":"Like"}]}}]}]}`, "", ""},
		"addresses":                     {`{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"0.0.0.0/0"}}]}]}`, "", "ipBlock"},
		"a port by its name":            {`{"podSelector":{},"ingress":[{"ports":[{"port":"http"}]}]}`, "", "ports by name"},
		"a range of ports":              {`{"podSelector":{},"ingress":[{"ports":[{"port":80,"endPort":90}]}]}`, "", "ranges of ports"},
		"SCTP":                          {`{"podSelector":{},"ingress":[{"ports":[{"port":80,"protocol":"SCTP"}]}]}`, "", "SCTP"},
		"both ways":                     {`{"podSelector":{},"policyTypes":["Ingress","Egress"]}`, "", "egress"},
		"the other way only":            {`{"podSelector":{},"policyTypes":["Egress"]}`, "open", "egress"},
		"other pods":                    {`{"podSelector":{"matchLabels":{"app":"jobs"}}}`, "open", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rules, problems := policyRules(someWorld(policyOf(t, tt.spec)))
			if got := letIn(t, rules, "10.0.0.1"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if (tt.problem == "") != (len(problems) == 0) || !strings.Contains(strings.Join(problems, "\n"), tt.problem) {
				t.Errorf("said was %q", problems)
			}
			for _, ip := range []string{"10.0.0.3", "10.0.0.8", "10.0.0.9"} {
				if got := letIn(t, rules, ip); got != "open" {
					t.Errorf("%s, which no policy is about, takes %q", ip, got)
				}
			}
		})
	}
}

// TestPoliciesAddUp, and what each lets in is let in.
func TestPoliciesAddUp(t *testing.T) {
	nobody := policyOf(t, `{"podSelector":{}}`)
	jobs := policyOf(t, `{"podSelector":{"matchLabels":{"app":"crm"}},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"jobs"}}}]}]}`)
	elsewhere := policyOf(t, `{"podSelector":{},"ingress":[{}]}`)
	elsewhere.Metadata.Namespace = "marketing"
	rules, _ := policyRules(someWorld(nobody, jobs, elsewhere))
	for ip, want := range map[string]string{"10.0.0.1": "ip saddr { 10.0.0.2 } accept", "10.0.0.2": "", "10.0.0.3": "accept", "10.0.0.5": "open"} {
		if got := letIn(t, rules, ip); got != want {
			t.Errorf("%s takes %q, want %q", ip, got, want)
		}
	}
	if rules, _ := policyRules(someWorld()); rules != "" {
		t.Errorf("rules without a policy:\n%s", rules)
	}
}

const listensFor = "OPTUP_TEST_LISTEN"

func TestMain(m *testing.M) {
	if addr := os.Getenv(listensFor); addr != "" {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			os.Exit(1)
		}
		for {
			if c, err := l.Accept(); err == nil {
				_ = c.Close()
			}
		}
	}
	os.Exit(m.Run())
}

// TestRulesInTheKernel: three pods behind one machine's routes, with rules that nftables takes and forwarded packets meet.
func TestRulesInTheKernel(t *testing.T) {
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI runs as root, and this test needs it for network namespaces: nothing was tested")
		}
		t.Skip("needs root, for network namespaces")
	}
	run := func(args ...string) {
		t.Helper()
		if err := command(args...); err != nil {
			t.Fatal(err)
		}
	}
	const node = "optup-test-node"
	names := map[string]string{"10.0.0.1": "optup-test-1", "10.0.0.3": "optup-test-3", "10.0.0.5": "optup-test-5"}
	drop := func(name string) { _ = exec.Command("ip", "netns", "delete", name).Run() }
	drop(node)
	run("ip", "netns", "add", node)
	t.Cleanup(func() { drop(node) })
	run("ip", "netns", "exec", node, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	for ip, name := range names {
		drop(name)
		run("ip", "netns", "add", name)
		t.Cleanup(func() { drop(name) })
		link := strings.TrimPrefix(name, "optup-")
		run("ip", "-n", node, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
		run("ip", "-n", node, "address", "add", "10.0.0.254/32", "dev", link)
		run("ip", "-n", node, "link", "set", link, "up")
		run("ip", "-n", node, "route", "add", ip+"/32", "dev", link)
		run("ip", "-n", name, "address", "add", ip+"/32", "dev", "eth0")
		run("ip", "-n", name, "link", "set", "eth0", "up")
		run("ip", "-n", name, "route", "add", "10.0.0.254/32", "dev", "eth0")
		run("ip", "-n", name, "route", "add", "default", "via", "10.0.0.254")
		for _, port := range []string{"8080", "9090"} {
			server := exec.Command("ip", "netns", "exec", name, os.Args[0])
			server.Env = append(os.Environ(), listensFor+"="+ip+":"+port)
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
		}
	}
	connects := func(from, to, port string) bool {
		return exec.Command("ip", "netns", "exec", names[from], "timeout", "3", "bash", "-c", "exec 3<>/dev/tcp/"+to+"/"+port).Run() == nil
	}
	write := func(rules string) {
		t.Helper()
		cmd := exec.Command("ip", "netns", "exec", node, "nft", "-f", "-")
		cmd.Stdin = strings.NewReader(replacing(rules))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%s", err, out, rules)
		}
	}
	all := [][3]string{{"10.0.0.3", "10.0.0.1", "8080"}, {"10.0.0.5", "10.0.0.1", "8080"}, {"10.0.0.3", "10.0.0.1", "9090"}, {"10.0.0.1", "10.0.0.5", "8080"}}
	for _, c := range all {
		for end := time.Now().Add(10 * time.Second); !connects(c[0], c[1], c[2]); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("without rules %v do not connect", c)
			}
		}
	}
	rules, _ := policyRules(someWorld(policyOf(t, `{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"mode":"enforce"}}}],"ports":[{"port":8080}]}]}`)))
	write(rules)
	for i, want := range []bool{true, false, false, true} {
		if got := connects(all[i][0], all[i][1], all[i][2]); got != want {
			t.Errorf("%v connect: %v", all[i], got)
		}
	}
	write("")
	for _, c := range all {
		if !connects(c[0], c[1], c[2]) {
			t.Errorf("after the policy %v do not connect", c)
		}
	}
	if out, _ := exec.Command("ip", "netns", "exec", node, "nft", "list", "tables").Output(); strings.Contains(string(out), policyTable) {
		t.Errorf("a table is left: %s", out)
	}
}
