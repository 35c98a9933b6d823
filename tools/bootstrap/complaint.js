/** What a person can mend: its message is printed as it stands, without a stack. */
export class Complaint extends Error {}
