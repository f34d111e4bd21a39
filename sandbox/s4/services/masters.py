"""Services for master data: products, business partners, plants, purchasing info records."""

from __future__ import annotations

from sandbox.s4.model import entity_set, service

PRODUCT = service(
    "API_PRODUCT_SRV",
    entity_set(
        "A_Product",
        "Product",
        """
        Product String(40) alpha
        ProductType String(4)
        CrossPlantStatus String(2)
        CreationDate DateTime
        CreatedByUser String(12)
        LastChangeDate DateTime
        LastChangeDateTime DateTimeOffset
        IsMarkedForDeletion Boolean
        ProductOldID String(40)
        GrossWeight Decimal(13,3) unit=WeightUnit
        NetWeight Decimal(13,3) unit=WeightUnit
        WeightUnit String(3)
        PurchaseOrderQuantityUnit String(3)
        CountryOfOrigin String(3)
        ProductGroup String(9)
        BaseUnit String(3)
        ProductHierarchy String(18)
        Division String(2)
        ProductStandardID String(18)
        IsBatchManagementRequired Boolean
        """,
        """
        to_Description * A_ProductDescription Product=Product
        to_ProductBasicText * A_ProductBasicText Product=Product
        to_Plant * A_ProductPlant Product=Product
        to_ProductUnitsOfMeasure * A_ProductUnitsOfMeasure Product=Product
        to_Valuation * A_ProductValuation Product=Product
        """,
        changed="LastChangeDateTime",
    ),
    entity_set(
        "A_ProductDescription",
        "Product Language",
        """
        Product String(40) alpha
        Language String(2)
        ProductDescription String(40)
        """,
        "to_Product 1 A_Product Product=Product",
    ),
    entity_set(
        "A_ProductBasicText",
        "Product Language",
        """
        Product String(40) alpha
        Language String(2)
        LongText String nofilter
        """,
    ),
    entity_set(
        "A_ProductPlant",
        "Product Plant",
        """
        Product String(40) alpha
        Plant String(4)
        PurchasingGroup String(3)
        IsMarkedForDeletion Boolean
        MRPType String(2)
        MRPResponsible String(3)
        ABCIndicator String(1)
        ProcurementType String(1)
        GoodsReceiptDuration Decimal(3,0)
        BaseUnit String(3)
        ProfitCenter String(10)
        """,
        """
        to_ProductSupplyPlanning 1 A_ProductSupplyPlanning Product=Product Plant=Plant
        to_Product 1 A_Product Product=Product
        """,
    ),
    entity_set(
        "A_ProductSupplyPlanning",
        "Product Plant",
        """
        Product String(40) alpha
        Plant String(4)
        SafetyStockQuantity Decimal(13,3) unit=BaseUnit
        ReorderThresholdQuantity Decimal(13,3) unit=BaseUnit
        MinimumLotSizeQuantity Decimal(13,3) unit=BaseUnit
        MaximumLotSizeQuantity Decimal(13,3) unit=BaseUnit
        FixedLotSizeQuantity Decimal(13,3) unit=BaseUnit
        LotSizeRoundingQuantity Decimal(13,3) unit=BaseUnit
        PlannedDeliveryDurationInDays Decimal(3,0)
        GoodsReceiptDuration Decimal(3,0)
        MRPType String(2)
        MRPResponsible String(3)
        TotalReplenishmentLeadTime Decimal(3,0)
        ProcurementType String(1)
        BaseUnit String(3)
        """,
    ),
    entity_set(
        "A_ProductUnitsOfMeasure",
        "Product AlternativeUnit",
        """
        Product String(40) alpha
        AlternativeUnit String(3)
        QuantityNumerator Decimal(5,0) unit=BaseUnit
        QuantityDenominator Decimal(5,0) unit=AlternativeUnit
        GlobalTradeItemNumber String(18)
        BaseUnit String(3)
        """,
    ),
    entity_set(
        "A_ProductValuation",
        "Product ValuationArea ValuationType",
        """
        Product String(40) alpha
        ValuationArea String(4)
        ValuationType String(10)
        InventoryValuationProcedure String(1)
        StandardPrice Decimal(12,3) unit=Currency
        MovingAveragePrice Decimal(12,3) unit=Currency
        PriceUnitQty Decimal(5,0) unit=BaseUnit
        Currency String(5)
        BaseUnit String(3)
        """,
    ),
)

BUSINESS_PARTNER = service(
    "API_BUSINESS_PARTNER",
    entity_set(
        "A_BusinessPartner",
        "BusinessPartner",
        """
        BusinessPartner String(10) alpha
        Customer String(10) alpha
        Supplier String(10) alpha
        BusinessPartnerCategory String(1)
        BusinessPartnerFullName String(81)
        BusinessPartnerGrouping String(4)
        BusinessPartnerName String(81)
        CreationDate DateTime
        CreationTime Time
        LastChangeDate DateTime
        LastChangeTime Time
        BusinessPartnerIsBlocked Boolean
        IsMarkedForArchiving Boolean
        OrganizationBPName1 String(40)
        SearchTerm1 String(20)
        ETag String(26)
        """,
        """
        to_Supplier 1 A_Supplier Supplier=Supplier
        to_BusinessPartnerAddress * A_BusinessPartnerAddress BusinessPartner=BusinessPartner
        """,
        changed="ETag",
    ),
    entity_set(
        "A_Supplier",
        "Supplier",
        """
        Supplier String(10) alpha
        SupplierName String(80)
        SupplierFullName String(220)
        SupplierAccountGroup String(4)
        CreatedByUser String(12)
        CreationDate DateTime
        DeletionIndicator Boolean
        PostingIsBlocked Boolean
        PurchasingIsBlocked Boolean
        PaymentIsBlockedForSupplier Boolean
        SupplierCorporateGroup String(10)
        TaxNumber1 String(16)
        VATRegistration String(20)
        """,
        "to_SupplierPurchasingOrg * A_SupplierPurchasingOrg Supplier=Supplier",
    ),
    entity_set(
        "A_SupplierPurchasingOrg",
        "Supplier PurchasingOrganization",
        """
        Supplier String(10) alpha
        PurchasingOrganization String(4)
        PurchaseOrderCurrency String(5)
        PaymentTerms String(4)
        IncotermsClassification String(3)
        DeletionIndicator Boolean
        PurchasingIsBlockedForSupplier Boolean
        MaterialPlannedDeliveryDurn Decimal(3,0)
        MinimumOrderAmount Decimal(14,3) unit=PurchaseOrderCurrency
        PurchasingGroup String(3)
        SupplierPhoneNumber String(16)
        SupplierRespSalesPersonName String(30)
        CalculationSchemaGroupCode String(2)
        """,
    ),
    entity_set(
        "A_BusinessPartnerAddress",
        "BusinessPartner AddressID",
        """
        BusinessPartner String(10) alpha
        AddressID String(10) alpha
        ValidityStartDate DateTimeOffset
        ValidityEndDate DateTimeOffset
        CityName String(40)
        Country String(3)
        Region String(3)
        PostalCode String(10)
        StreetName String(60)
        HouseNumber String(10)
        Language String(2)
        AddressTimeZone String(6)
        FullName String(80)
        """,
        "to_EmailAddress * A_AddressEmailAddress AddressID=AddressID",
    ),
    entity_set(
        "A_AddressEmailAddress",
        "AddressID Person OrdinalNumber",
        """
        AddressID String(10) alpha
        Person String(10)
        OrdinalNumber String(3) numc
        IsDefaultEmailAddress Boolean
        EmailAddress String(241)
        SearchEmailAddress String(20)
        """,
    ),
)

PLANT = service(
    "API_PLANT_SRV",
    entity_set(
        "A_Plant",
        "Plant",
        """
        Plant String(4)
        PlantName String(30)
        ValuationArea String(4)
        FactoryCalendar String(2)
        DefaultPurchasingOrganization String(4)
        SalesOrganization String(4)
        PlantCategory String(1)
        AddressID String(10) alpha
        Language String(2)
        IsMarkedForArchiving Boolean
        Country String(3)
        CityName String(40)
        PostalCode String(10)
        StreetName String(60)
        AddressTimeZone String(6)
        YY1_SupplyRegion_PLT String(10)
        """,
    ),
)

INFO_RECORD = service(
    "API_INFORECORD_PROCESS_SRV",
    entity_set(
        "A_PurchasingInfoRecord",
        "PurchasingInfoRecord",
        """
        PurchasingInfoRecord String(10) alpha
        Supplier String(10) alpha
        Material String(40) alpha
        MaterialGroup String(9)
        SupplierMaterialNumber String(35)
        BaseUnit String(3)
        CreationDate DateTime
        IsDeleted Boolean
        """,
        "to_PurgInfoRecdOrgPlantData * A_PurgInfoRecdOrgPlantData"
        " PurchasingInfoRecord=PurchasingInfoRecord",
    ),
    entity_set(
        "A_PurgInfoRecdOrgPlantData",
        "PurchasingInfoRecord PurchasingInfoRecordCategory PurchasingOrganization Plant",
        """
        PurchasingInfoRecord String(10) alpha
        PurchasingInfoRecordCategory String(1)
        PurchasingOrganization String(4)
        Plant String(4)
        Supplier String(10) alpha
        Material String(40) alpha
        IsMarkedForDeletion Boolean
        IsRelevantForAutomSrcg String(1)
        MaterialPlannedDeliveryDurn Decimal(3,0)
        MinimumPurchaseOrderQuantity Decimal(13,3) unit=PurchaseOrderPriceUnit
        StandardPurchaseOrderQuantity Decimal(13,3) unit=PurchaseOrderPriceUnit
        NetPriceAmount Decimal(12,3) unit=Currency
        MaterialPriceUnitQty Decimal(5,0) unit=PurchaseOrderPriceUnit
        PurchaseOrderPriceUnit String(3)
        Currency String(5)
        """,
    ),
)
