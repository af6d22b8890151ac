#include "textflag.h"

// Sixteen bytes of the block. X0 are the bytes; X6 to X14 are what is the same for all of them. The results go to the given registers.
#define LANE(at, invalid, ats, dots) \
	MOVOU at(DI), X0 \
	MOVO X0, X1 \
	PADDB X6, X1 \
	MOVO X7, X2 \
	PCMPGTB X1, X2 \
	PAND X8, X2 \
	POR X2, X0 \
	MOVOU X0, at(DI) \
	MOVO X9, X1 \
	PSHUFB X0, X1 \
	MOVO X0, X2 \
	PSRLW $4, X2 \
	PAND X10, X2 \
	MOVO X11, X3 \
	PSHUFB X2, X3 \
	PAND X3, X1 \
	PCMPEQB X12, X1 \
	PMOVMSKB X1, invalid \
	MOVO X0, X1 \
	PCMPEQB X13, X1 \
	PMOVMSKB X1, ats \
	PCMPEQB X14, X0 \
	PMOVMSKB X0, dots

#define JOINED(more, by, to) \
	SHLQ by, more \
	ORQ more, to

// func lower(block *[64]byte) (invalid, ats, dots uint64)
TEXT ·lower(SB), NOSPLIT, $0-32
	MOVQ block+0(FP), DI
	MOVOU letters<>+0(SB), X6
	MOVOU letters<>+16(SB), X7
	MOVOU letters<>+32(SB), X8
	MOVOU letters<>+48(SB), X9
	MOVOU letters<>+64(SB), X10
	MOVOU letters<>+80(SB), X11
	PXOR X12, X12
	MOVOU letters<>+96(SB), X13
	MOVOU letters<>+112(SB), X14
	LANE(0, AX, BX, CX)
	LANE(16, R8, R9, R10)
	JOINED(R8, $16, AX)
	JOINED(R9, $16, BX)
	JOINED(R10, $16, CX)
	LANE(32, R8, R9, R10)
	JOINED(R8, $32, AX)
	JOINED(R9, $32, BX)
	JOINED(R10, $32, CX)
	LANE(48, R8, R9, R10)
	JOINED(R8, $48, AX)
	JOINED(R9, $48, BX)
	JOINED(R10, $48, CX)
	MOVQ AX, invalid+8(FP)
	MOVQ BX, ats+16(FP)
	MOVQ CX, dots+24(FP)
	RET

// A capital letter plus the first of these is the least of signed bytes, or one of the 25 after it: less than the second. The third is what
// makes it a small one.
DATA letters<>+0(SB)/8, $0x3f3f3f3f3f3f3f3f
DATA letters<>+8(SB)/8, $0x3f3f3f3f3f3f3f3f
DATA letters<>+16(SB)/8, $0x9a9a9a9a9a9a9a9a
DATA letters<>+24(SB)/8, $0x9a9a9a9a9a9a9a9a
DATA letters<>+32(SB)/8, $0x2020202020202020
DATA letters<>+40(SB)/8, $0x2020202020202020

// The bytes of an address: a bit for each upper half that has any, from 2 to 7; for each lower half the bits of the upper halves with which it
// is one. Bytes beyond ASCII have none.
DATA letters<>+48(SB)/8, $0x3f3f3f3f3f3e3f3e
DATA letters<>+56(SB)/8, $0x1f3d3734353d3e3e
DATA letters<>+64(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA letters<>+72(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA letters<>+80(SB)/8, $0x2010080402010000
DATA letters<>+88(SB)/8, $0
DATA letters<>+96(SB)/8, $0x4040404040404040
DATA letters<>+104(SB)/8, $0x4040404040404040
DATA letters<>+112(SB)/8, $0x2e2e2e2e2e2e2e2e
DATA letters<>+120(SB)/8, $0x2e2e2e2e2e2e2e2e
GLOBL letters<>(SB), RODATA|NOPTR, $128
