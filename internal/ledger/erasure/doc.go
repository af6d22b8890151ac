// Package erasure erases what people asked to have erased (GDPR Art. 17), once nobody has to be able to prove it any more.
//
// A request restricts at once; that is for the fold of events. What proves earlier use is kept for as long as law has it kept or claims may
// come, by the channel of the purpose, counted from its last use. Then an erased event shreds the person's keys. Requests come from the vault
// of the store, which an erasure request leaves word in; purposes come from the ledger's bundle.
package erasure
