/** The doors to the command library, in one place: its folders are loaded one by one, never as a whole. */
export * as Args from "@oclif/core/args";
export * as Flags from "@oclif/core/flags";
