#include "textflag.h"

// func identify(leaf, sub uint32) (eax, ebx, ecx uint32)
TEXT ·identify(SB), NOSPLIT, $0-20
	MOVL leaf+0(FP), AX
	MOVL sub+4(FP), CX
	CPUID
	MOVL AX, eax+8(FP)
	MOVL BX, ebx+12(FP)
	MOVL CX, ecx+16(FP)
	RET

// Two messages are hashed at a time, because each step waits for the one before. X1 and X2 are the state of the first, X3 to X6 sixteen words
// of its schedule; X8 to X13 are those of the second. X0 is what SHA256RNDS2 takes: words of the schedule with constants added.

// Four rounds of both messages, with four words of the schedule each and the constants at k.
#define ROUNDS(k, w0, w1) \
	MOVOU k(AX), X0 \
	PADDD w0, X0 \
	SHA256RNDS2 X0, X1, X2 \
	PSHUFD $0x0e, X0, X0 \
	SHA256RNDS2 X0, X2, X1 \
	MOVOU k(AX), X0 \
	PADDD w1, X0 \
	SHA256RNDS2 X0, X8, X9 \
	PSHUFD $0x0e, X0, X0 \
	SHA256RNDS2 X0, X9, X8

// The words after w, of which these are all that are needed: next was prepared by SHA256MSG1.
#define FOLLOW(next, before, w, tmp) \
	MOVOU w, tmp \
	PALIGNR $4, before, tmp \
	PADDD tmp, next \
	SHA256MSG2 w, next

// Four rounds of both messages, and what follows from the words of them.
#define SCHEDULED(k, a0, a1, a2, a3, c0, c1, c2, c3) \
	ROUNDS(k, a3, c3) \
	FOLLOW(a0, a2, a3, X7) \
	FOLLOW(c0, c2, c3, X14) \
	SHA256MSG1 a3, a2 \
	SHA256MSG1 c3, c2

#define LOADED(from, at, w) \
	MOVOU at(from), w \
	PSHUFB X15, w

// func compress(states *[2][8]uint32, blocks *[2][64]byte, outer *[8]uint32)
TEXT ·compress(SB), NOSPLIT, $0-24
	MOVQ states+0(FP), DI
	MOVQ blocks+8(FP), SI
	MOVQ outer+16(FP), DX
	LEAQ constants<>(SB), AX
	MOVOU bigEndian<>(SB), X15
	LEAQ 32(DI), BX
	MOVQ DI, CX
	LOADED(SI, 0, X3)
	LOADED(SI, 16, X4)
	LOADED(SI, 32, X5)
	LOADED(SI, 48, X6)
	LOADED(SI, 64, X10)
	LOADED(SI, 80, X11)
	LOADED(SI, 96, X12)
	LOADED(SI, 112, X13)

pass:
	// The instructions want the words in another order: a, b, e, f in one register and c, d, g, h in another.
	MOVOU 0(CX), X1
	MOVOU 16(CX), X2
	PSHUFD $0xb1, X1, X1
	PSHUFD $0x1b, X2, X2
	MOVOU X1, X7
	PALIGNR $8, X2, X1
	PBLENDW $0xf0, X7, X2
	MOVOU 0(BX), X8
	MOVOU 16(BX), X9
	PSHUFD $0xb1, X8, X8
	PSHUFD $0x1b, X9, X9
	MOVOU X8, X7
	PALIGNR $8, X9, X8
	PBLENDW $0xf0, X7, X9

	ROUNDS(0, X3, X10)
	ROUNDS(16, X4, X11)
	SHA256MSG1 X4, X3
	SHA256MSG1 X11, X10
	ROUNDS(32, X5, X12)
	SHA256MSG1 X5, X4
	SHA256MSG1 X12, X11
	SCHEDULED(48, X3, X4, X5, X6, X10, X11, X12, X13)
	SCHEDULED(64, X4, X5, X6, X3, X11, X12, X13, X10)
	SCHEDULED(80, X5, X6, X3, X4, X12, X13, X10, X11)
	SCHEDULED(96, X6, X3, X4, X5, X13, X10, X11, X12)
	SCHEDULED(112, X3, X4, X5, X6, X10, X11, X12, X13)
	SCHEDULED(128, X4, X5, X6, X3, X11, X12, X13, X10)
	SCHEDULED(144, X5, X6, X3, X4, X12, X13, X10, X11)
	SCHEDULED(160, X6, X3, X4, X5, X13, X10, X11, X12)
	SCHEDULED(176, X3, X4, X5, X6, X10, X11, X12, X13)
	SCHEDULED(192, X4, X5, X6, X3, X11, X12, X13, X10)
	ROUNDS(208, X4, X11)
	FOLLOW(X5, X3, X4, X7)
	FOLLOW(X12, X10, X11, X14)
	ROUNDS(224, X5, X12)
	FOLLOW(X6, X4, X5, X7)
	FOLLOW(X13, X11, X12, X14)
	ROUNDS(240, X6, X13)

	// Back into their order, and added to what was before.
	PSHUFD $0x1b, X1, X3
	PSHUFD $0xb1, X2, X4
	MOVOU X3, X7
	PBLENDW $0xf0, X4, X3
	PALIGNR $8, X7, X4
	PSHUFD $0x1b, X8, X10
	PSHUFD $0xb1, X9, X11
	MOVOU X10, X7
	PBLENDW $0xf0, X11, X10
	PALIGNR $8, X7, X11
	MOVOU 0(CX), X0
	PADDD X0, X3
	MOVOU 16(CX), X0
	PADDD X0, X4
	MOVOU 0(BX), X0
	PADDD X0, X10
	MOVOU 16(BX), X0
	PADDD X0, X11
	TESTQ DX, DX
	JEQ done

	// What the first pass came to is the message of the second, with padding: 32 bytes behind a block.
	MOVOU padding<>+0(SB), X5
	MOVOU X5, X12
	MOVOU padding<>+16(SB), X6
	MOVOU X6, X13
	MOVQ DX, CX
	MOVQ DX, BX
	XORL DX, DX
	JMP pass

done:
	MOVOU X3, 0(DI)
	MOVOU X4, 16(DI)
	MOVOU X10, 32(DI)
	MOVOU X11, 48(DI)
	PSHUFB X15, X3
	PSHUFB X15, X10
	MOVOU X3, 0(SI)
	MOVOU X10, 64(SI)
	RET

DATA padding<>+0(SB)/8, $0x0000000080000000
DATA padding<>+8(SB)/8, $0
DATA padding<>+16(SB)/8, $0
DATA padding<>+24(SB)/8, $0x0000030000000000
GLOBL padding<>(SB), RODATA|NOPTR, $32

DATA bigEndian<>+0(SB)/8, $0x0405060700010203
DATA bigEndian<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL bigEndian<>(SB), RODATA|NOPTR, $16

DATA constants<>+0(SB)/8, $0x71374491428a2f98
DATA constants<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA constants<>+16(SB)/8, $0x59f111f13956c25b
DATA constants<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA constants<>+32(SB)/8, $0x12835b01d807aa98
DATA constants<>+40(SB)/8, $0x550c7dc3243185be
DATA constants<>+48(SB)/8, $0x80deb1fe72be5d74
DATA constants<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA constants<>+64(SB)/8, $0xefbe4786e49b69c1
DATA constants<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA constants<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA constants<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA constants<>+96(SB)/8, $0xa831c66d983e5152
DATA constants<>+104(SB)/8, $0xbf597fc7b00327c8
DATA constants<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA constants<>+120(SB)/8, $0x1429296706ca6351
DATA constants<>+128(SB)/8, $0x2e1b213827b70a85
DATA constants<>+136(SB)/8, $0x53380d134d2c6dfc
DATA constants<>+144(SB)/8, $0x766a0abb650a7354
DATA constants<>+152(SB)/8, $0x92722c8581c2c92e
DATA constants<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA constants<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA constants<>+176(SB)/8, $0xd6990624d192e819
DATA constants<>+184(SB)/8, $0x106aa070f40e3585
DATA constants<>+192(SB)/8, $0x1e376c0819a4c116
DATA constants<>+200(SB)/8, $0x34b0bcb52748774c
DATA constants<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA constants<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA constants<>+224(SB)/8, $0x78a5636f748f82ee
DATA constants<>+232(SB)/8, $0x8cc7020884c87814
DATA constants<>+240(SB)/8, $0xa4506ceb90befffa
DATA constants<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL constants<>(SB), RODATA|NOPTR, $256
