// Package signal reads what browsers say about data protection in the headers of a request: Global Privacy Control (Sec-GPC) and Advanced
// Data Protection Control (ADPC, draft of 15 June 2021). It is pure, and says nothing about what follows from a signal: that is for package
// asking, with the law in docs/guides/touchpoints.md.
package signal
