//go:build !race

#include "go_asm.h"
#include "textflag.h"

// How far the additional bits of the first four slots are to be shifted in the last eight bytes of a line, behind the state of the fifth.
DATA shifts<>+0(SB)/8, $32
DATA shifts<>+8(SB)/8, $38
DATA shifts<>+16(SB)/8, $44
DATA shifts<>+24(SB)/8, $50
GLOBL shifts<>(SB), RODATA|NOPTR, $32

// What is kept of them.
DATA bits<>+0(SB)/8, $63
DATA bits<>+8(SB)/8, $63
DATA bits<>+16(SB)/8, $63
DATA bits<>+24(SB)/8, $63
GLOBL bits<>(SB), RODATA|NOPTR, $32

// A state is the lower half.
DATA lower<>+0(SB)/8, $0xffffffff
DATA lower<>+8(SB)/8, $0xffffffff
GLOBL lower<>(SB), RODATA|NOPTR, $16

// func lookup(t *Table, tag *consent.Tag) State
//
// It looks at all slots of both lines at once, without a branch that nobody could foresee. While lines are on their way from memory the
// processor goes on with what follows, until it holds some hundred instructions or too many of them wait for a general register. So it is
// short, and what waits for the lines is done in vector registers, which have room of their own. What is rare is left to lookupWords.
//
// As in shard.find, the version is read before everything else and once more at the end: a tag that is in two slots, or a slot that gets
// another tag, is noticed by it.
TEXT ·lookup(SB), NOSPLIT, $0-24
	CMPB ·vectors(SB), $0
	JEQ  rare
	MOVQ t+0(FP), DI
	MOVQ tag+8(FP), CX
	MOVQ 8(CX), R8 // the rest of the tag
	MOVQ (CX), DX  // the key
	TESTQ DX, DX
	JEQ  rare
	VPBROADCASTQ (CX), Y0
	MOVL R8, SI
	ANDL $(const_shardsOf-1), SI
	SHRQ $(64-const_moreBits), R8
	VMOVQ R8, X1
	VPBROADCASTQ X1, Y1
	MOVQ Table_shards(DI)(SI*8), SI
	MOVQ (shard_lines+8)(SI), R11
	TESTQ R11, R11
	JEQ  rare
	MOVL shard_version(SI), R12

	// The two lines.
	MOVQ $const_golden, AX
	IMULQ DX, AX
	MULXQ R11, R13, R9
	MOVQ AX, DX
	MULXQ R11, R13, R10
	MOVQ shard_lines(SI), R13
	SHLQ $6, R9
	SHLQ $6, R10
	ADDQ R13, R9
	ADDQ R13, R10

	// Four slots of each line: the state where the key and the additional bits agree, else 0.
	VPCMPEQQ line_keys(R9), Y0, Y2
	VPCMPEQQ line_keys(R10), Y0, Y3
	VPMOVZXDQ line_states(R9), Y4
	VPMOVZXDQ line_states(R10), Y5
	VPBROADCASTQ (line_states+16)(R9), Y6
	VPBROADCASTQ (line_states+16)(R10), Y7
	VPAND Y4, Y2, Y2
	VPAND Y5, Y3, Y3
	VPSRLVQ shifts<>(SB), Y6, Y4
	VPSRLVQ shifts<>(SB), Y7, Y5
	VPAND bits<>(SB), Y4, Y4
	VPAND bits<>(SB), Y5, Y5
	VPCMPEQQ Y4, Y1, Y4
	VPCMPEQQ Y5, Y1, Y5
	VPAND Y4, Y2, Y2
	VPAND Y5, Y3, Y3
	VPOR  Y2, Y3, Y2

	// The fifth slot of both.
	VMOVQ (line_keys+32)(R9), X8
	VPINSRQ $1, (line_keys+32)(R10), X8, X8
	VPUNPCKLQDQ X7, X6, X6
	VPCMPEQQ X8, X0, X8
	VPSRLQ $56, X6, X7
	VPAND lower<>(SB), X6, X6
	VPCMPEQQ X7, X1, X7
	VPAND X8, X6, X6
	VPAND X7, X6, X6

	// All together. At most one of them is not 0, or the version is another one.
	VEXTRACTI128 $1, Y2, X3
	VPOR X6, X2, X2
	VPOR X3, X2, X2
	VPUNPCKHQDQ X2, X2, X3
	VPOR X3, X2, X2
	VMOVQ X2, DX
	VZEROUPPER
	CMPL R12, shard_version(SI)
	JNE  again
	ORQ  Table_base(DI), DX
	MOVQ DX, ret+16(FP)
	RET

rare:
	VZEROUPPER
again:
	JMP ·lookupWords(SB)
