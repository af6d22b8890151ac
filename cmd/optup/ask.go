package main

import (
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/cli"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/explain"
)

const askExamples = " -f policies/ --workload Deployment/mailer --request request.yaml --ledger ledger.yaml\n"

const askForm = "The request is described as in decisions.yaml of a test (request, answer, age, now), or by --url. Data of people belongs into\n" +
	"files: arguments stay in histories and process lists. The ledger file is a list of events as in decisions.yaml:\n\n" +
	"  - {person: anna@example.org, type: given, purpose: newsletter, notice: newsletter-v1, proof: MailboxConfirmed, at: 2026-01-10T09:00:00Z}\n"

// askFlags are the flags that say which request is asked about.
func askFlags(c *cobra.Command, a *cli.AskOptions) {
	a.Clock = time.Now
	f := c.Flags()
	f.StringArrayVarP(&a.Files, "filename", "f", nil, "file or folder with YAML, or - for standard input; may be repeated")
	f.StringVarP(&a.Namespace, "namespace", "n", "", "namespace of the workload; objects that name none are put there")
	f.StringVar(&a.Workload, "workload", "", "workload that sends the request, for example Deployment/mailer; the only one if left out")
	f.StringVar(&a.Request, "request", "", "file with the request, or - for standard input")
	f.StringVar(&a.Method, "method", "", "method of the request, with --url; GET if left out")
	f.StringVar(&a.URL, "url", "", "address of the request, for example http://api.esp/v3/mail/send")
	f.StringArrayVar(&a.Headers, "header", nil, "'Name: value', with --url; may be repeated")
	f.StringVar(&a.Body, "body", "", "file with the body, with --url, or - for standard input")
	f.StringVar(&a.Ledger, "ledger", "", "file with the events that the ledger knows; nobody is known if left out")
	f.StringVar(&a.At, "at", "", "the ledger's time at the decision, for example 2026-03-01T12:00:00Z; now, or what the request says, if left out")
	_ = c.MarkFlagFilename("filename", "yaml", "yml")
	_ = c.RegisterFlagCompletionFunc("workload", completeBundles(&a.CompileOptions, func(b cli.Bundle) string { return b.Workload }))
	_ = c.RegisterFlagCompletionFunc("namespace", completeBundles(&a.CompileOptions, func(b cli.Bundle) string { return b.Namespace }))
	_ = c.RegisterFlagCompletionFunc("method", cobra.FixedCompletions([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, cobra.ShellCompDirectiveNoFileComp))
}

func decideCommand(o *common) *cobra.Command {
	var a cli.AskOptions
	c := &cobra.Command{
		Use: "decide -f FILE|FOLDER...", Short: "Decide one request as a sidecar would, without a cluster", Args: cobra.NoArgs,
		Long: "Compile policies from files and decide one request of one workload, by the functions that enforce. It prints what becomes of the\n" +
			"request: effect, reasons, purpose, obligations, and the bodies that are forwarded and returned.\n\n" + askForm,
		Example: "  optup decide" + askExamples +
			"  optup decide -f policies/ -n marketing --url http://api.esp/v3/mail/send --method POST --body mail.json\n" +
			"  optup decide -f policies/ --request request.yaml -o json | jq .effect",
		RunE: func(c *cobra.Command, _ []string) error {
			a.Input = c.InOrStdin()
			d, err := cli.Decide(a)
			if err != nil {
				return err
			}
			if o.json() {
				err = cli.PrintJSON(c.OutOrStdout(), d)
			} else if err = cli.PrintFindings(c.ErrOrStderr(), cli.Compiled{Findings: d.Findings}); err == nil {
				err = cli.PrintDecided(o.out(c), d)
			}
			if err == nil && d.Effect == decide.Deny {
				err = errFound
			}
			return err
		},
	}
	askFlags(c, &a)
	_ = c.MarkFlagRequired("filename")
	return endings(c, "the request is permitted, as a whole or with people or fields taken out", "it is denied")
}

func explainCommand(o *common) *cobra.Command {
	var a cli.AskOptions
	var run string
	l := &ledgerFlags{common: o}
	c := &cobra.Command{
		Use: "explain [DECISION | FOLDER...]", Short: "Explain a decision: every gate, and the resource and line that caused it",
		Long: "Explain how a decision comes about: every gate in its order, for the request and for each person in it, passed (ok), failed (no) or\n" +
			"not about this (--), in a sentence, with the resource, the file and the line that caused it. People are counted, never named.\n\n" +
			"Give the request as for decide, or folders of tests and --run for those of their decisions.\n\n" +
			"Or give the id of a decision that a sidecar took: it stands in the denial (decisionId) and in the header OptUp-Decision of an\n" +
			"answer. The ledger is asked for the record, as by the commands of optup ledger; that needs the role officer.\n\n" + askForm,
		Example: "  optup explain 06fgh2k0c4t8y3m1n5p7q9r2ws " + throughCluster + "\n" +
			"  optup explain 06fgh2k0c4t8y3m1n5p7q9r2ws --ledger https://main-ledger.consent.svc:8443 --token-file token\n" +
			"  optup explain" + askExamples +
			"  optup explain test/corpus --run 'objection/'\n" +
			"  optup explain policies/tests --run 'newsletter.*stops' -o json",
		RunE: func(c *cobra.Command, folders []string) error {
			if len(folders) == 1 && cli.IsDecisionID(folders[0]) {
				l.direct.URL, l.cluster.Namespace = a.Ledger, a.Namespace
				return l.explain(c, folders[0])
			}
			var all []explain.Explanation
			if len(folders) == 0 {
				a.Input = c.InOrStdin()
				e, findings, err := cli.Explain(a)
				if err != nil {
					return err
				}
				if err := cli.PrintFindings(c.ErrOrStderr(), cli.Compiled{Findings: findings}); err != nil {
					return err
				}
				all = append(all, e)
			} else if len(a.Files) > 0 || a.Request != "" || a.URL != "" {
				return fmt.Errorf("give folders of tests, or a request with -f, not both")
			}
			only, err := regexp.Compile(run)
			if err != nil {
				return fmt.Errorf("--run: %w", err)
			}
			for _, f := range folders {
				some, err := cli.ExplainCases(f, only)
				if err != nil {
					return fmt.Errorf("%s: %w", f, err)
				}
				all = append(all, some...)
			}
			if o.json() {
				return cli.PrintJSON(c.OutOrStdout(), all)
			}
			for _, e := range all {
				if err := cli.PrintExplanation(o.out(c), e); err != nil {
					return err
				}
			}
			return nil
		},
	}
	askFlags(c, &a)
	l.callerFlags(c.Flags())
	c.Flags().StringVar(&run, "run", "", "with folders: only decisions whose name, area/sentence/decision, matches this regular expression")
	return endings(c, "the decision is explained, whatever it is", "the ledger refused, or knows no such decision")
}

func diffCommand(o *common) *cobra.Command {
	var d cli.DiffOptions
	var run string
	c := &cobra.Command{
		Use: "diff OLD NEW --corpus FOLDER...", Short: "Show which decisions change between two sets of manifests", Args: cobra.ExactArgs(2),
		Long: "Decide the requests of tests under two sets of manifests, files or folders, and show what changes: which decisions (what is newly\n" +
			"permitted comes first), which workloads get another bundle, which findings are new or gone. What the tests expect does not count.\n\n" +
			"The manifests stand in place of the objects that the tests use, so that nothing but what is deployed decides, and what NEW has no\n" +
			"longer is gone. They have to be complete: namespaces with their label, services, purposes, wordings, policies, and workloads that\n" +
			"are there or named by a policy. With --keep-bases they are laid over the tests' own objects, for folders that hold only a part;\n" +
			"what NEW removes is then decided with what the tests have under the same name.",
		Example: "  optup diff main/policies policies --corpus policies/tests\n" +
			"  optup diff old.yaml new.yaml --corpus policies/tests --keep-bases\n" +
			"  optup diff main/policies policies --corpus policies/tests -o json | jq '.changed[] | select(.kind == \"newlyPermitted\")'",
		RunE: func(c *cobra.Command, args []string) error {
			d.Old, d.New = args[0], args[1]
			var err error
			if d.Only, err = regexp.Compile(run); err != nil {
				return fmt.Errorf("--run: %w", err)
			}
			x, err := cli.Diff(d)
			if err != nil {
				return err
			}
			if o.json() {
				err = cli.PrintJSON(c.OutOrStdout(), x)
			} else {
				err = cli.PrintDifference(o.out(c), x)
			}
			if err == nil && !x.Same() {
				err = errFound
			}
			return err
		},
	}
	f := c.Flags()
	f.StringArrayVar(&d.Corpus, "corpus", nil, "folder of tests whose requests and ledgers are used; may be repeated")
	f.StringVarP(&d.Namespace, "namespace", "n", "", "objects that name no namespace are put there")
	f.BoolVar(&d.KeepBases, "keep-bases", false, "lay the manifests over the tests' own objects")
	f.StringVar(&run, "run", "", "only decisions whose name, area/sentence/decision, matches this regular expression")
	_ = c.MarkFlagRequired("corpus")
	return endings(c, "nothing changes", "something does")
}
