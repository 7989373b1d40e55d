/* The entry point of a training binary; all else is in cli.c, so that other programs can link the runtime too. */
#include "model.h"

int main(int argc, char **argv) {
  return gc_main(&gc_model, argc, argv);
}
