// Package shop is a small shop that somebody would recognise: a customer register (crm), a mail provider (esp), and the marketing
// programs that use both (a newsletter campaign, invoices, a dashboard, a ticker). It is what the demo and its figures run on.
//
// Its programs stand for other people's software. They know nothing of OptUp, link nothing but the standard library, and find out
// that some people may not be used only as any program would: by answers that hold less, or that are refused.
//
// All data is generated from a seed: People gives the customers, Consents what each of them once agreed to or took back, and Truth
// who may be used for what according to the sentences in stories.go, written by hand and not computed by what is being shown.
package shop
