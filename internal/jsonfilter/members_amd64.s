#include "textflag.h"

// The places in a step, and its size.
#define step_mask 32
#define step_width 64
#define step_usual 68
#define step_trust 72
#define step_size 80

// func walkMembers(b, marks *byte, end, at int, steps *step, n, first int, many bool, places *span) (after, read int, ended bool)
//
// AX is where the member begins, BX where its value does, DX the next byte, R9 the step and R10 its number, R12 where its place is noted.
TEXT ·walkMembers(SB), NOSPLIT, $0-89
	MOVQ b+0(FP), SI
	MOVQ marks+8(FP), DI
	MOVQ end+16(FP), R8
	MOVQ at+24(FP), AX
	MOVQ steps+32(FP), R9
	MOVQ first+48(FP), R10
	MOVQ places+64(FP), R12
	IMUL3Q $step_size, R10, CX
	ADDQ CX, R9
	MOVQ R10, CX
	SHLQ $4, CX
	ADDQ CX, R12
	VMOVDQU zeros<>(SB), X4
	VMOVDQU nines<>(SB), X5
	VMOVDQU points<>(SB), X6

member:
	CMPQ R10, n+40(FP)
	JGE stop
	VMOVDQU (SI)(AX*1), Y0
	VPXOR (R9), Y0, Y0
	VPTEST step_mask(R9), Y0
	JNE stop
	MOVL step_width(R9), BX
	TESTL BX, BX
	JEQ stop
	ADDQ AX, BX
	LEAQ 1(BX), DX
	MOVBLZX (SI)(BX*1), CX
	CMPL CX, $'"'
	JNE other

text:
	MOVQ DX, R11
	SHRQ $3, R11
	MOVL DX, CX
	ANDL $7, CX
	MOVQ (DI)(R11*1), R11
	SHRXQ CX, R11, R11
	TZCNTQ R11, R11
	JCS stop // the next mark is far
	ADDQ R11, DX
	CMPQ DX, R8
	JHI stop
	MOVBLZX (SI)(DX*1), CX
	CMPL CX, $'"'
	JNE beyond
	INCQ DX

// DX is behind the value. It was found in a chain of instructions of which each waits for the one before, from name to name. Where the
// values of a member mostly have one length, what comes next begins at that length, and the chain only has to agree.
value:
	CMPL step_trust(R9), $0
	JLE found
	MOVL step_usual(R9), R13
	ADDQ BX, R13
	CMPQ R13, DX
	JNE longer
	INCL step_trust(R9)
	MOVQ R13, DX

found:
	MOVQ BX, (R12)
	MOVQ DX, 8(R12)
	MOVBLZX (SI)(DX*1), CX
	CMPL CX, $','
	JNE last
	LEAQ 1(DX), AX
	INCQ R10
	ADDQ $step_size, R9
	ADDQ $16, R12
	JMP member

// Of another length.
longer:
	MOVL DX, R13
	SUBL BX, R13
	MOVL R13, step_usual(R9)
	SUBL $3, step_trust(R9) // it costs about as much as three agreements save
	JMP found

last:
	CMPL CX, $'}'
	JNE stop
	LEAQ 1(DX), AX
	INCQ R10
	CMPB many+56(FP), $0
	JEQ ended
	MOVWLZX (SI)(AX*1), CX
	CMPL CX, $0x7b2c // a comma, and the next object
	JNE ended
	ADDQ $2, AX
	XORL R10, R10
	MOVQ steps+32(FP), R9
	MOVQ places+64(FP), R12
	JMP member

// Two bytes of UTF-8.
beyond:
	SUBL $0xc2, CX
	CMPL CX, $0x1d
	JHI stop
	MOVBLZX 1(SI)(DX*1), CX
	ANDL $0xc0, CX
	CMPL CX, $0x80
	JNE stop
	ADDQ $2, DX
	JMP text

// A number: digits, of which the first is a zero only where it is alone, and maybe a point between them. R11 is where the point is, or the
// end. What has an exponent does not end here.
other:
	CMPL CX, $'-'
	JEQ number
	DECQ DX

number:
	VMOVDQU (SI)(DX*1), X0
	VPADDB X4, X0, X1
	VPMINUB X5, X1, X2
	VPCMPEQB X1, X2, X1
	VPCMPEQB X6, X0, X2
	VPOR X1, X2, X1
	VPMOVMSKB X1, CX
	VPMOVMSKB X2, R11
	NOTL CX
	TZCNTL CX, CX
	CMPL CX, $16
	JEQ stop
	TESTL CX, CX
	JEQ literal
	BZHIL CX, R11, R11
	JEQ whole
	BLSRL R11, R13
	JNE stop
	TZCNTL R11, R11
	JEQ stop // before the first digit
	LEAL 1(R11), R13
	CMPL R13, CX
	JEQ stop // behind the last one
	JMP leading

whole:
	MOVL CX, R11

leading:
	CMPB (SI)(DX*1), $'0'
	JNE counted
	CMPL R11, $1
	JNE stop

counted:
	ADDQ CX, DX
	JMP value

literal:
	MOVL (SI)(BX*1), CX
	LEAQ 4(BX), DX
	CMPL CX, $0x65757274 // true
	JEQ value
	CMPL CX, $0x6c6c756e // null
	JEQ value
	CMPL CX, $0x736c6166 // fals
	JNE stop
	CMPB 4(SI)(BX*1), $'e'
	JNE stop
	INCQ DX
	JMP value

stop:
	MOVB $0, ended+88(FP)
	JMP out

ended:
	MOVB $1, ended+88(FP)

out:
	MOVQ AX, after+72(FP)
	MOVQ R10, read+80(FP)
	VZEROUPPER
	RET

DATA zeros<>+0(SB)/8, $0xd0d0d0d0d0d0d0d0 // less what a zero is
DATA zeros<>+8(SB)/8, $0xd0d0d0d0d0d0d0d0
GLOBL zeros<>(SB), RODATA|NOPTR, $16
DATA nines<>+0(SB)/8, $0x0909090909090909
DATA nines<>+8(SB)/8, $0x0909090909090909
GLOBL nines<>(SB), RODATA|NOPTR, $16
DATA points<>+0(SB)/8, $0x2e2e2e2e2e2e2e2e
DATA points<>+8(SB)/8, $0x2e2e2e2e2e2e2e2e
GLOBL points<>(SB), RODATA|NOPTR, $16
