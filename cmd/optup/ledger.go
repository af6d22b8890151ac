package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/optup/optup/internal/cli"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/problem"
)

// ledgerFlags say which ledger, and who calls.
type ledgerFlags struct {
	*common
	direct  cli.LedgerOptions
	cluster cli.ClusterLedger
}

func ledgerCommand(o *common) *cobra.Command {
	l := &ledgerFlags{common: o}
	c := &cobra.Command{
		Use: "ledger", Short: "Talk to a consent ledger, and verify one",
		Long: "Talk to a consent ledger, in one of two ways:\n\n" +
			"  --ledger URL --token-file FILE [--trust FILE]                 straight, for example from a pod\n" +
			"  --namespace NS --name NAME --as-service-account ACCOUNT       through the cluster of the kubeconfig: a forwarded port and a\n" +
			"                                                                token that ends after ten minutes\n\n" +
			"People are never named by arguments, which stay in histories and process lists: their identifiers are read from standard input\n" +
			"or --identifier-file.",
	}
	f := c.PersistentFlags()
	f.StringVar(&l.direct.URL, "ledger", "", "address of the ledger, for example https://main-ledger.consent.svc:8443")
	f.StringVarP(&l.cluster.Namespace, "namespace", "n", "", "namespace of the ConsentLedger")
	l.callerFlags(f)
	c.AddCommand(l.headCommand(), l.importCommand(), l.withdrawCommand(), l.objectCommand(), l.lookupCommand(), l.usesCommand(),
		l.checkpointCommand(), l.receiptCommand(), l.exportCommand(), l.verifyCommand())
	return c
}

// callerFlags are the flags that say who calls, and through what.
func (l *ledgerFlags) callerFlags(f *pflag.FlagSet) {
	f.StringVar(&l.direct.TokenFile, "token-file", "", "file with a token for the audience optup-ledger")
	f.StringVar(&l.direct.TrustFile, "trust", "", "file with the authorities to trust (PEM); those of the system if left out")
	f.StringVar(&l.cluster.Name, "name", "main", "name of the ConsentLedger")
	f.StringVar(&l.cluster.ServiceAccount, "as-service-account", "", "service account to call as: <name> in the ledger's namespace, or <namespace>/<name>")
}

// with opens the ledger for one call, and prints why it refused.
func (l *ledgerFlags) with(c *cobra.Command, call func(context.Context, *cli.Ledger) error) error {
	ledger, err := l.open(c.Context())
	if err != nil {
		return err
	}
	defer ledger.Close()
	err = call(c.Context(), ledger)
	var p *problem.Problem
	if !errors.As(err, &p) {
		return err
	}
	if l.json() {
		err = cli.PrintJSON(c.OutOrStdout(), p)
	} else {
		err = cli.PrintProblem(c.ErrOrStderr(), p)
	}
	return errors.Join(errFound, err)
}

func (l *ledgerFlags) open(ctx context.Context) (*cli.Ledger, error) {
	switch {
	case l.direct.URL != "" && l.cluster.Namespace != "":
		return nil, errors.New("give --ledger or --namespace, not both")
	case l.direct.URL != "":
		return cli.OpenLedger(l.direct)
	case l.cluster.Namespace != "":
		k, err := l.connect()
		if err != nil {
			return nil, err
		}
		return cli.OpenClusterLedger(ctx, k, l.cluster)
	default:
		return nil, errors.New("which ledger? give --ledger with --token-file, or --namespace with --as-service-account")
	}
}

func show[T any](l *ledgerFlags, c *cobra.Command, v T, print func(io.Writer, T) error) error {
	if l.json() {
		return cli.PrintJSON(c.OutOrStdout(), v)
	}
	return print(c.OutOrStdout(), v)
}

const throughCluster = "-n consent --name main --as-service-account importer"

func (l *ledgerFlags) headCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "head", Short: "Show where the ledger stands", Args: cobra.NoArgs, Example: "  optup ledger head " + throughCluster,
		RunE: func(c *cobra.Command, _ []string) error {
			return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
				h, err := x.Head(ctx)
				if err != nil {
					return err
				}
				return show(l, c, h, cli.PrintHead)
			})
		},
	}
	return endings(c, "the ledger answered", "the ledger refused")
}

// person are the flags that say about whom a command is.
type person struct{ kind, form, file string }

func (p *person) add(c *cobra.Command) {
	c.Flags().StringVar(&p.kind, "type", "email", "type of the identifier: email, phone, customer or device")
	c.Flags().StringVar(&p.form, "form", "Plain", "form of the identifier: Plain, SHA256 or MD5")
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"email", "phone", "customer", "device"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("form", cobra.FixedCompletions([]string{"Plain", "SHA256", "MD5"}, cobra.ShellCompDirectiveNoFileComp))
	c.Flags().StringVar(&p.file, "identifier-file", "", "file whose first line is the identifier; standard input if left out")
}

// read gives the identifier. Errors never repeat it.
func (p *person) read(c *cobra.Command) (consent.Identifier, error) {
	in := c.InOrStdin()
	if p.file != "" {
		f, err := os.Open(p.file)
		if err != nil {
			return consent.Identifier{}, err
		}
		defer func() { _ = f.Close() }()
		in = f
	} else if f, ok := in.(*os.File); ok {
		if s, err := f.Stat(); err == nil && s.Mode()&os.ModeCharDevice != 0 {
			_, _ = fmt.Fprint(c.ErrOrStderr(), p.kind+": ")
		}
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return consent.Identifier{}, err
	}
	i := consent.Identifier{Type: consent.IdentifierType(p.kind), Form: consent.Form(p.form), Value: strings.TrimSpace(line)}
	if _, err := consent.Normalize(i); err != nil {
		return i, fmt.Errorf("the first line is no identifier of this type: %w", err)
	}
	return i, nil
}

// appendCommand appends one event that restricts.
func (l *ledgerFlags) appendCommand(c *cobra.Command, e *consent.Event) *cobra.Command {
	var who person
	var at, channel, purpose, touchpoint string
	who.add(c)
	c.Args = cobra.NoArgs
	c.Flags().StringVar(&at, "at", "", "when the person did it, for example 2026-03-01T12:00:00Z; now if left out")
	c.Flags().StringVar(&touchpoint, "touchpoint", "", "where the person did it, for example shop/call-centre")
	c.Flags().StringVar(&purpose, "purpose", "", "name of the DataPurpose")
	if e.Type == consent.EventObjected {
		c.Flags().StringVar(&channel, "channel", "", "email, sms, phone, post or web, with --scope channel")
	}
	endings(c, "the event is appended and durable", "the ledger refused")
	c.RunE = func(c *cobra.Command, _ []string) error {
		e.Purpose, e.Channel, e.Touchpoint = consent.PurposeID(purpose), consent.Channel(channel), touchpoint
		if at != "" {
			t, err := time.Parse(time.RFC3339, at)
			if err != nil {
				return fmt.Errorf("--at: give a time as 2026-03-01T12:00:00Z")
			}
			e.OccurredAt = t
		}
		if err := consent.Validate(*e); err != nil {
			return err
		}
		i, err := who.read(c)
		if err != nil {
			return err
		}
		return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
			a, err := x.Append(ctx, []consent.Identifier{i}, *e)
			if err != nil {
				return err
			}
			return show(l, c, a, cli.PrintAppended)
		})
	}
	return c
}

func (l *ledgerFlags) withdrawCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "withdraw", Short: "Record that a person withdraws consent to a purpose",
		Long:    "Record that a person withdraws every grant for a purpose (GDPR Art. 7(3)). Sidecars deny within milliseconds.",
		Example: "  optup ledger withdraw --purpose newsletter " + throughCluster + " --identifier-file person.txt",
	}
	return l.appendCommand(c, &consent.Event{Type: consent.EventWithdrawn})
}

func (l *ledgerFlags) objectCommand() *cobra.Command {
	e := &consent.Event{Type: consent.EventObjected}
	scope := ""
	c := &cobra.Command{
		Use: "object", Short: "Record that a person objects to direct marketing",
		Long:    "Record that a person objects (GDPR Art. 21(2)): to all direct marketing, to a channel, or to a purpose. It holds whatever the legal ground.",
		Example: "  optup ledger object --scope all " + throughCluster + "\n  optup ledger object --scope channel --channel phone --type phone " + throughCluster,
	}
	c.Flags().StringVar(&scope, "scope", "all", "all, channel or purpose")
	_ = c.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"all", "channel", "purpose"}, cobra.ShellCompDirectiveNoFileComp))
	c.PreRun = func(*cobra.Command, []string) { e.Scope = consent.Scope(scope) }
	return l.appendCommand(c, e)
}

func (l *ledgerFlags) lookupCommand() *cobra.Command {
	var who person
	c := &cobra.Command{
		Use: "lookup", Short: "Show what the ledger knows about a person, and what is decided now (role Officer)", Args: cobra.NoArgs,
		Example: "  optup ledger lookup " + throughCluster + "\n  optup ledger lookup --type customer --identifier-file person.txt " + throughCluster,
		RunE: func(c *cobra.Command, _ []string) error {
			i, err := who.read(c)
			if err != nil {
				return err
			}
			return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
				p, err := x.Lookup(ctx, i)
				if err != nil {
					return err
				}
				return show(l, c, p, cli.PrintPerson)
			})
		},
	}
	who.add(c)
	return endings(c, "the ledger answered, whatever it knows", "the ledger refused")
}
