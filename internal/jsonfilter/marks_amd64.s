#include "textflag.h"

// func markBlocks(marks *byte, b *byte, blocks int)
TEXT ·markBlocks(SB), NOSPLIT, $0-24
	MOVQ marks+0(FP), DI
	MOVQ b+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ $0x2222222222222222, AX // quotes
	MOVQ AX, X0
	VPBROADCASTQ X0, Y0
	MOVQ $0x5c5c5c5c5c5c5c5c, AX // backslashes
	MOVQ AX, X1
	VPBROADCASTQ X1, Y1
	MOVQ $0x2020202020202020, AX // what is less, with a sign: control characters, and bytes beyond ASCII
	MOVQ AX, X2
	VPBROADCASTQ X2, Y2
	TESTQ CX, CX
	JLE done

loop:
	VMOVDQU (SI), Y3
	VPCMPEQB Y3, Y0, Y4
	VPCMPEQB Y3, Y1, Y5
	VPCMPGTB Y3, Y2, Y6
	VPOR Y4, Y5, Y4
	VPOR Y4, Y6, Y4
	VPMOVMSKB Y4, AX
	MOVL AX, (DI)
	ADDQ $32, SI
	ADDQ $4, DI
	DECQ CX
	JNE loop

done:
	VZEROUPPER
	RET
