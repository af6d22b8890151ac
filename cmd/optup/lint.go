package main

import (
	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/cli"
)

// outputsKey is the annotation with the outputs that a command knows besides text and json.
const outputsKey = "outputs"

func lintCommand(o *common) *cobra.Command {
	var x cli.LintOptions
	var strict bool
	c := &cobra.Command{
		Use: "lint FILE|FOLDER|-...", Short: "Check files before they are applied, without a cluster", Args: cobra.MinimumNArgs(1),
		Long: "Check YAML files: whether they can be read as they are meant, whether the API server would take each object, with its own\n" +
			"messages, and what the compiler finds in all of them together: give everything that belongs together at once. Each\n" +
			"remark has its file, line and column. Objects without a namespace are put into --namespace, or into default.\n\n" +
			"An error is what the API server would refuse, what is not read as it is meant, and what denies although somebody meant\n" +
			"to permit. A warning is what works and is most likely not meant.",
		Example: "  optup lint policies/\n  optup lint policies/ -n marketing --strict\n  kustomize build overlays/prod | optup lint -\n" +
			"  optup lint --alone purposes/newsletter.yaml\n  optup lint policies/ -o json\n  optup lint policies/ -o github",
		Annotations:       map[string]string{outputsKey: "github"},
		ValidArgsFunction: yamlFiles,
		RunE: func(c *cobra.Command, files []string) error {
			x.Files, x.Input = files, c.InOrStdin()
			out, err := cli.Lint(c.Context(), x)
			if err != nil {
				return err
			}
			switch o.output {
			case "json":
				err = cli.PrintJSON(c.OutOrStdout(), out)
			case "github":
				err = cli.PrintLintedForGitHub(c.OutOrStdout(), out)
			default:
				err = cli.PrintLinted(o.out(c), out)
			}
			if err == nil && out.Bad(strict) {
				err = errFound
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVarP(&x.Namespace, "namespace", "n", "", "where objects that name no namespace are put; default if left out")
	f.BoolVar(&x.Alone, "alone", false, "check each object by itself, not what it refers to: for hooks that know only the files that changed")
	f.BoolVar(&strict, "strict", false, "end with exit code 1 for warnings, too")
	return endings(c, "there is no error; there may be warnings", "there is an error, or with --strict a warning")
}

// yamlFiles has the shell complete folders and YAML files.
func yamlFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeBundles offers the bundles that the files given so far compile to, by what names them.
func completeBundles(x *cli.CompileOptions, name func(cli.Bundle) string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		out, err := cli.Compile(cli.CompileOptions{Files: x.Files, Namespace: x.Namespace})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, b := range out.Bundles {
			names = append(names, name(b))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
