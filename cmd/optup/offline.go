package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/cli"
	"github.com/optup/optup/internal/ir"
)

func compileCommand(o *common) *cobra.Command {
	var x cli.CompileOptions
	var strict bool
	c := &cobra.Command{
		Use: "compile -f FILE|FOLDER...", Short: "Compile policies from files, without a cluster", Args: cobra.NoArgs,
		Long: "Compile namespaces, purposes, notices, services, policies, ledgers and workloads from YAML files, as the operator would in a cluster.\n" +
			"Without --workload, one line for each bundle with its hash; with it, the bundle itself as canonical JSON, which\n" +
			"`optup-sidecar run --bundle` and `optup-ledger serve --bundle` take. What is wrong goes to standard error, field by field, with file, line and column.",
		Example: "  optup compile -f policies/\n  optup compile -f policies/ --strict\n  optup compile -f policies/ -n marketing --workload Deployment/dashboard > bundle.json\n" +
			"  kustomize build overlays/prod | optup compile -f - -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			x.Input = c.InOrStdin()
			out, err := cli.Compile(x)
			if !o.json() {
				if err := cli.PrintFindings(c.ErrOrStderr(), out); err != nil {
					return err
				}
			}
			if err != nil {
				return err
			}
			switch {
			case o.json():
				err = cli.PrintJSON(c.OutOrStdout(), out)
			case x.Workload != "":
				err = cli.PrintBundles(c.OutOrStdout(), out.Bundles)
			default:
				err = cli.PrintCompiled(c.OutOrStdout(), out)
			}
			if err == nil && strict && len(out.Findings) > 0 {
				err = errFound
			}
			return err
		},
	}
	f := c.Flags()
	f.StringArrayVarP(&x.Files, "filename", "f", nil, "file or folder with YAML, or - for standard input; may be repeated")
	f.StringVarP(&x.Namespace, "namespace", "n", "", "only workloads of this namespace; objects that name none are put there")
	f.StringVar(&x.Workload, "workload", "", "print the bundle of this workload, for example Deployment/dashboard or ConsentLedger/main")
	f.BoolVar(&strict, "strict", false, "end with exit code 1 if anything is wrong")
	_ = c.MarkFlagRequired("filename")
	_ = c.MarkFlagFilename("filename", "yaml", "yml")
	_ = c.RegisterFlagCompletionFunc("workload", completeBundles(&x, func(b cli.Bundle) string { return b.Workload }))
	_ = c.RegisterFlagCompletionFunc("namespace", completeBundles(&x, func(b cli.Bundle) string { return b.Namespace }))
	return endings(c, "the files could be compiled", "with --strict: there are findings")
}

func testCommand(o *common) *cobra.Command {
	var run, junit string
	var quiet bool
	c := &cobra.Command{
		Use: "test FOLDER...", Short: "Test policies: requests, and what has to become of them", Args: cobra.MinimumNArgs(1),
		Long: "Run the decisions of folders, without a cluster, by the functions that enforce. A folder looks like this:\n\n" +
			"  bases/<name>.yaml                  objects of the API that cases share\n" +
			"  <area>/<sentence>/case.yaml        uses: [<name>], and why\n" +
			"  <area>/<sentence>/input.yaml       objects of this case alone, if any\n" +
			"  <area>/<sentence>/decisions.yaml   workload, ledger (events), decisions (request, answer, expect)",
		Example: "  optup test test/corpus\n  optup test test/corpus --run 'objection/'\n  optup test policies/tests -o json\n" +
			"  optup test policies/tests -q --junit report.xml",
		RunE: func(c *cobra.Command, folders []string) error {
			only, err := regexp.Compile(run)
			if err != nil {
				return fmt.Errorf("--run: %w", err)
			}
			var all []cli.Tested
			for _, f := range folders {
				some, err := cli.Test(os.DirFS(f), only)
				if err != nil {
					return fmt.Errorf("%s: %w", f, err)
				}
				all = append(all, some...)
			}
			if o.json() {
				err = cli.PrintJSON(c.OutOrStdout(), all)
			} else {
				err = cli.PrintTested(o.out(c), all, quiet)
			}
			if err == nil && junit != "" {
				err = writeJUnit(junit, all)
			}
			if err == nil && cli.TestsFailed(all) > 0 {
				err = errFound
			}
			return err
		},
	}
	c.Flags().StringVar(&run, "run", "", "only decisions whose name, area/sentence/decision, matches this regular expression")
	c.Flags().StringVar(&junit, "junit", "", "also write the results to this file, as JUnit XML")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only what is not as expected, and the counts")
	return endings(c, "every decision is as expected", "some are not")
}

func writeJUnit(name string, all []cli.Tested) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("--junit: %w", err)
	}
	return errors.Join(cli.WriteJUnit(f, all), f.Close())
}

func versionCommand(o *common) *cobra.Command {
	c := &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  optup version\n  optup version -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			v := struct {
				Version      string `json:"version"`
				API          string `json:"api"`
				BundleSchema int    `json:"bundleSchema"`
				Go           string `json:"go"`
			}{version, v1alpha1.GroupVersion.String(), ir.Schema, runtime.Version()}
			if o.json() {
				return cli.PrintJSON(c.OutOrStdout(), v)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "optup %s (API %s, bundle schema %d, %s)\n", v.Version, v.API, v.BundleSchema, v.Go)
			return err
		},
	}
	return endings(c, "the version is printed", "")
}
