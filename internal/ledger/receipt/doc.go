// Package receipt makes and checks receipts: what a ledger hands out about one event, so that a person, a court or an auditor can see
// later, without the ledger, that it was recorded then and in these words.
//
// Fields are named as in ISO/IEC TS 27560, values are terms of the Data Privacy Vocabulary where it has one, and the whole is JSON-LD.
// Nobody is named in the clear: people are tags. A receipt follows from the log alone, as it was when the event was its newest, so that
// it is the same whenever it is issued, as long as the words that it names are.
//
// An Issuer reads what a receipt follows from; the rest takes values and knows no database. Entries come from internal/ledger/store, purposes and wordings from internal/ir, and signatures
// from internal/ledger/keys.
package receipt
