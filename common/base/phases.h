/* SPDX-License-Identifier: MIT */
/* Moves of a machine that is in one phase at a time: a table says which phases may follow each.
 *
 *     static const uint32_t allowed[] = {
 *         [IDLE] = PHASE_TO(CONNECTING),
 *         [CONNECTING] = PHASE_TO(UP) | PHASE_TO(IDLE),
 *     };
 *     ASSERT(allowed[machine->phase] & PHASE_TO(next));
 */
#ifndef STARLING_BASE_PHASES_H
#define STARLING_BASE_PHASES_H

#include <stdint.h>

#define PHASE_TO(phase) (UINT32_C(1) << (phase))

#endif
