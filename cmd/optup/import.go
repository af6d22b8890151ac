package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/cli"
	"github.com/optup/optup/internal/openapi"
)

func importCommand(o *common) *cobra.Command {
	c := &cobra.Command{Use: "import", Short: "Draft manifests from what others have written"}
	c.AddCommand(importOpenAPICommand(o))
	return c
}

func importOpenAPICommand(o *common) *cobra.Command {
	x := cli.ImportOpenAPIOptions{}
	least := string(openapi.Medium)
	c := &cobra.Command{
		Use: "openapi FILE|-", Short: "Draft a DataService from OpenAPI 3.0 or 3.1, or Swagger 2.0", Args: cobra.ExactArgs(1),
		Long: "Draft a DataService from the description of an API, in JSON or YAML: its endpoints, where people and their data seem to be, and what\n" +
			"each call seems to do. The manifest goes to standard output, each guess with how sure it is and why; counts go to standard error.\n\n" +
			"Nothing is permitted by a draft. What is not sure is left undeclared, which denies it in requests and removes it from answers. Who\n" +
			"operates the service has to be filled in. With -o json, the draft comes with all guesses as a list.",
		Example: "  optup import openapi crm.yaml --name crm -n shop-services > crm-service.yaml\n" +
			"  optup import openapi esp.json --path '/v3/mail/*' --path '/v3/marketing/contacts/*'\n" +
			"  curl -s https://api.example/openapi.json | optup import openapi - --tag Contacts --min-confidence high\n" +
			"  optup import openapi esp.json -o json",
		RunE: func(c *cobra.Command, args []string) error {
			x.File, x.Input, x.Least = args[0], c.InOrStdin(), openapi.Confidence(least)
			if x.Least != openapi.Low && x.Least != openapi.Medium && x.Least != openapi.High {
				return fmt.Errorf("--min-confidence is low, medium or high, not %q", least)
			}
			d, err := cli.ImportOpenAPI(x)
			if err != nil {
				return err
			}
			if o.json() {
				err = cli.PrintJSON(c.OutOrStdout(), d)
			} else {
				err = cli.PrintDraft(c.OutOrStdout(), d)
			}
			if err != nil {
				return err
			}
			return cli.PrintDraftCounts(c.ErrOrStderr(), d)
		},
	}
	f := c.Flags()
	f.StringVar(&x.Name, "name", "", "name of the DataService; made of the document's title if left out")
	f.StringVarP(&x.Namespace, "namespace", "n", "", "namespace of the DataService; left open if left out")
	f.StringArrayVar(&x.Tags, "tag", nil, "only operations with this tag; may be repeated")
	f.StringArrayVar(&x.Paths, "path", nil, "only this path, with that of the server: * for anything within a segment, /* at the end for all below; may be repeated")
	f.StringVar(&least, "min-confidence", least, "how sure a guess has to be to be declared: low, medium or high; what is low is never declared where it would let data pass")
	_ = c.RegisterFlagCompletionFunc("min-confidence", cobra.FixedCompletions([]string{"low", "medium", "high"}, cobra.ShellCompDirectiveNoFileComp))
	return endings(c, "the draft is written; what is not sure is left out", "")
}
