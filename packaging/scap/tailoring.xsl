<?xml version="1.0" encoding="UTF-8"?>
<!--
  Tailoring for a data stream of the SCAP Security Guide, printed:

    xsltproc packaging/scap/tailoring.xsl ssg-rhel9-ds.xml >tailoring.xml

  For each profile that selects one of the rules below there is one that extends it and leaves them out. These rules
  look for pam_namespace's own words in namespace.conf and /etc/pam.d/login, which a host with pam_rtmp.so cannot have.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:date="http://exslt.org/dates-and-times"
                xmlns:xccdf="http://checklists.nist.gov/xccdf/1.2"
                exclude-result-prefixes="date">
  <xsl:output indent="yes"/>

  <!-- The sebool rule stays: with SELinux pam_rtmp.so needs the boolean as pam_namespace does. -->
  <xsl:variable name="rules" select="//xccdf:Rule[
      @id = 'xccdf_org.ssgproject.content_rule_accounts_polyinstantiated_tmp' or
      @id = 'xccdf_org.ssgproject.content_rule_accounts_polyinstantiated_var_tmp' or
      @id = 'xccdf_org.ssgproject.content_rule_enable_pam_namespace']/@id"/>

  <xsl:template match="/">
    <xsl:variable name="profiles"
                  select="//xccdf:Profile[xccdf:select[@selected = 'true']/@idref = $rules]"/>
    <xsl:if test="not($profiles)">
      <xsl:message terminate="yes">no profile here selects a rule that pam_rtmp.so cannot pass: nothing to tailor</xsl:message>
    </xsl:if>
    <xccdf:Tailoring id="xccdf_pam-rtmp_tailoring_default">
      <xccdf:version time="{date:date-time()}">1</xccdf:version>
      <xsl:apply-templates select="$profiles"/>
    </xccdf:Tailoring>
  </xsl:template>

  <xsl:template match="xccdf:Profile">
    <xsl:variable name="name" select="substring-after(@id, '_profile_')"/>
    <xccdf:Profile id="xccdf_pam-rtmp_profile_{$name}" extends="{@id}">
      <xccdf:title override="true">
        <xsl:value-of select="concat(xccdf:title, ' (private directories by pam_rtmp.so)')"/>
      </xccdf:title>
      <xsl:for-each select="xccdf:select[@selected = 'true'][@idref = $rules]">
        <xccdf:select idref="{@idref}" selected="false">
          <xccdf:remark>pam_rtmp.so does what this rule is for; the rule looks for pam_namespace.so. Evidence: rtmpctl verify</xccdf:remark>
        </xccdf:select>
      </xsl:for-each>
    </xccdf:Profile>
  </xsl:template>
</xsl:stylesheet>
