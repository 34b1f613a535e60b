package tvrec.connect;

final class Version {

    private Version() {}

    /** Returns the version in the jar's manifest, which Connect shows for the plugin. */
    static String text() {
        String found = Version.class.getPackage().getImplementationVersion();
        return found == null ? "unknown" : found;
    }
}
