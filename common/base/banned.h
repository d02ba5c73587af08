/* SPDX-License-Identifier: MIT */
/* Included before every source file: functions that invite overruns, hidden state or the
 * reading of a clock become compile errors.  The headers that declare them come first. */
#ifndef STARLING_BASE_BANNED_H
#define STARLING_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok
#pragma GCC poison rand srand random srandom drand48 atoi atol atoll atof
#pragma GCC poison localtime gmtime ctime asctime

#endif
